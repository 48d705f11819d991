/*
 * Tables of tasks, processes and address spaces; registers; what a stopped
 * thread tells of itself.
 *
 * A task is in exactly one state, changed by task_set_state() alone, which
 * knows the legal transitions.  Registers are read once per stop and written
 * back at most once, before the task runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "engine_impl.h"
#include "procfs.h"

/* ------------------------------------------------------------------ state -- */

static bool is_legal(const struct engine_task *t, enum task_state from, enum task_state to)
{
	switch (from) {
	case TASK_RUNNING: return to != TASK_LISTENING;
	case TASK_STOPPED: /* STOPPED again: killed, now at its exit stop */ return true;
	case TASK_LISTENING: return to != TASK_LISTENING;
	case TASK_GONE: /* taken for gone at ESRCH: its last stop may come */
		return to == TASK_STOPPED && !t->is_detached;
	}
	return false;
}

void task_set_state(struct task *t, enum task_state state)
{
	struct engine_task *impl = task_impl(t);

	if (!is_legal(impl, t->state, state))
		engine_bug(t->engine, t, "illegal change of a task's state");
	t->state = state;
	t->regs_valid = t->regs_dirty = false;
	impl->pc_dirty = impl->pc_valid = impl->is_flushed = false;
	if (state == TASK_STOPPED)
		t->is_ours_first = true;
}

void task_vanished(struct engine_task *t)
{
	if (t->pub.state == TASK_STOPPED || t->pub.state == TASK_RUNNING ||
	    t->pub.state == TASK_LISTENING)
		task_set_state(&t->pub, TASK_GONE);
}

/* -------------------------------------------------------------- registers -- */

struct arch_regs *task_regs(struct task *t)
{
	if (t->regs_valid)
		return &t->regs;
	if (t->state != TASK_STOPPED)
		return NULL;
	if (arch_regs_read(t->tid, &t->regs) < 0)
		return NULL;
	t->regs_valid = true;
	if (task_impl(t)->pc_dirty)
		arch_set_pc(&t->regs, task_impl(t)->pc);
	return &t->regs;
}

void task_regs_changed(struct task *t)
{
	t->regs_dirty = true;
}

/* At most hits nothing but the program counter is asked for. */
bool task_pc(struct engine_task *t, uint64_t *pc)
{
	struct arch_regs *r;

	if (arch_pc_is_cheap && !t->pub.regs_valid && t->pub.state == TASK_STOPPED) {
		t->pc_valid = t->pc_valid || arch_pc_read(t->pub.tid, &t->pc) == 0;
		*pc = t->pc;
		return t->pc_valid;
	}
	r = task_regs(&t->pub);
	*pc = r ? arch_pc(r) : 0;
	return r != NULL;
}

void task_pc_set(struct engine_task *t, uint64_t pc)
{
	if (t->pub.regs_valid)
		arch_set_pc(&t->pub.regs, pc);
	t->pc = pc;
	t->pc_valid = t->pc_dirty = true;
}

bool task_flush(struct engine_task *t)
{
	int err = 0;

	if (!t->pub.regs_valid && !t->pc_dirty)
		return true;
	t->is_flushed = t->pub.regs_dirty || t->pc_dirty || t->is_flushed;
	if (t->pub.regs_dirty)
		err = arch_regs_write(t->pub.tid, &t->pub.regs);
	else if (t->pc_dirty)
		err = arch_pc_write(t->pub.tid, t->pc);
	t->pub.regs_dirty = t->pc_dirty = false;
	return err == 0;
}

/* ------------------------------------------------------------------ tasks -- */

static struct engine_task **bucket(struct engine *e, pid_t tid)
{
	return &e->buckets[(unsigned)tid % TASK_BUCKETS];
}

struct engine_task *task_find(struct engine *e, pid_t tid)
{
	struct engine_task *t = *bucket(e, tid);

	while (t && t->pub.tid != tid)
		t = t->hash_next;
	return t;
}

static void hash_insert(struct engine *e, struct engine_task *t)
{
	struct engine_task **b = bucket(e, t->pub.tid);

	t->hash_next = *b;
	*b = t;
	t->in_hash = true;
}

void task_unhash(struct engine *e, struct engine_task *t)
{
	struct engine_task **p = bucket(e, t->pub.tid);

	if (!t->in_hash)
		return;
	while (*p && *p != t)
		p = &(*p)->hash_next;
	if (*p)
		*p = t->hash_next;
	t->in_hash = false;
}

void task_rename(struct engine *e, struct engine_task *t, pid_t tid)
{
	task_unhash(e, t);
	t->pub.tid = tid;
	fd_close(e, &t->schedstat_fd);
	sample_drop_fd(e, t);
	hash_insert(e, t);
}

struct engine_task *task_create(struct engine *e, pid_t tid, struct process *p)
{
	struct engine_task *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->pub.tid = tid;
	t->pub.proc = p;
	t->pub.engine = e;
	t->pub.state = TASK_RUNNING;
	t->pub.key = ++e->next_key;
	t->pub.syscall_nr = -1;
	t->pub.priv = t;
	t->schedstat_fd = -1;
	t->next = e->tasks;
	if (e->tasks)
		e->tasks->prev = t;
	e->tasks = t;
	e->n_tasks++;
	p->n_tasks++;
	hash_insert(e, t);
	e->no_children = false;
	e->may_have_more = true;
	return t;
}

/* No event may name a record that is gone. */
static void purge_queue(struct engine *e, const struct engine_task *t)
{
	for (size_t i = e->queue_head; i < e->queue.n; i++) {
		struct event *ev = &e->queue.items[i];

		if (ev->task != &t->pub)
			continue;
		ev->kind = EV_CANCELLED;
		ev->task = NULL;
	}
}

void task_destroy(struct engine *e, struct engine_task *t)
{
	ring_release(e, t);
	purge_queue(e, t);
	pin_task_gone(e, t);
	task_unhash(e, t);
	if (t->is_awaited)
		e->n_awaited--;
	if (t->prev)
		t->prev->next = t->next;
	else
		e->tasks = t->next;
	if (t->next)
		t->next->prev = t->prev;
	e->n_tasks--;
	t->pub.proc->n_tasks--;
	fd_close(e, &t->schedstat_fd);
	sample_task_gone(e, t);
	free(t->words);
	free(t);
}

struct task *engine_task(struct engine *e, pid_t tid)
{
	struct engine_task *t = task_find(e, tid);

	return t ? &t->pub : NULL;
}

void engine_each_task(struct engine *e, struct process *p, void (*fn)(void *arg, struct task *t),
		      void *arg)
{
	for (struct engine_task *t = e->tasks, *next; t; t = next) {
		next = t->next;
		if ((!p || t->pub.proc == p) && t->pub.state != TASK_GONE)
			fn(arg, &t->pub);
	}
}

bool task_is_of(const struct engine_task *t, const struct aspace *as)
{
	return t->pub.proc->as == as;
}

struct engine_task *aspace_task(struct aspace *as, bool stopped)
{
	for (struct engine_task *t = as->engine->tasks; t; t = t->next)
		if (task_is_of(t, as) && t->in_hash && t->pub.state != TASK_GONE &&
		    (!stopped || t->pub.state == TASK_STOPPED))
			return t;
	return NULL;
}

/* -------------------------------------------------------------- processes -- */

void process_refresh(struct process *p)
{
	char path[64];
	struct procfs_status st;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)p->pid);
	n = readlink(path, p->exe, sizeof(p->exe) - 1);
	p->exe[n < 0 ? 0 : n] = '\0';
	if (!procfs_status(p->pid, &st))
		return;
	p->ppid = st.ppid;
	p->uid = st.uid;
	p->gid = st.gid;
}

struct process *process_create(struct engine *e, pid_t pid, struct aspace *as)
{
	struct engine_process *impl = calloc(1, sizeof(*impl));

	if (!impl)
		return NULL;
	impl->pub.pid = pid;
	impl->pub.engine = e;
	impl->pub.as = as;
	impl->pub.next = e->processes;
	e->processes = &impl->pub;
	process_refresh(&impl->pub);
	return &impl->pub;
}

void process_destroy(struct engine *e, struct process *p)
{
	struct process **link = &e->processes;

	while (*link && *link != p)
		link = &(*link)->next;
	if (*link)
		*link = p->next;
	for (struct process *q = e->processes; q; q = q->next)
		if (q->parent == p)
			q->parent = NULL;
	aspace_unref(p->as);
	if (process_impl(p)->old_as)
		aspace_unref(process_impl(p)->old_as);
	launch_destroy(process_impl(p)->launch);
	free(process_impl(p));
}

struct process *engine_process(struct engine *e, pid_t pid)
{
	struct process *dead = NULL;

	for (struct process *p = e->processes; p; p = p->next) {
		if (p->pid == pid && !p->is_dead)
			return p;
		if (p->pid == pid)
			dead = p;
	}
	return dead;
}

struct process *engine_processes(struct engine *e)
{
	return e->processes;
}

/* --------------------------------------------------------- address spaces -- */

struct aspace *aspace_create(struct engine *e)
{
	struct aspace *as = calloc(1, sizeof(*as));

	if (!as)
		return NULL;
	as->engine = e;
	as->mem_fd = -1;
	as->refs = 1;
	as->next = e->aspaces;
	e->aspaces = as;
	return as;
}

struct aspace *aspace_ref(struct aspace *as)
{
	as->refs++;
	return as;
}

void aspace_unref(struct aspace *as)
{
	struct aspace **link;

	if (!as || --as->refs)
		return;
	for (link = &as->engine->aspaces; *link && *link != as; link = &(*link)->next)
		;
	if (*link)
		*link = as->next;
	fd_close(as->engine, &as->mem_fd);
	site_table_deinit(as);
	patch_deinit(as);
	free(as->calls);
	sud_destroy(as);
	ring_space_destroy(as->rings);
	annex_deinit(as);
	free(as);
}

/* ------------------------------------------------- what a thread tells us -- */

/* A thread may rename itself unseen: the name is read again now and then. */
#define COMM_NS UINT64_C(50000000)

const char *task_comm(struct task *t)
{
	struct engine_task *impl = task_impl(t);
	uint64_t now = engine_now();

	if (t->comm_valid && now - impl->comm_read < COMM_NS)
		return t->comm;
	if (!procfs_comm(t->tid, t->comm))
		return t->comm; /* the last one known */
	t->comm_valid = true;
	impl->comm_read = now;
	return t->comm;
}

/* The kernel's struct ptrace_rseq_configuration (5.13 and later). */
struct rseq_configuration {
	uint64_t pointer;
	uint32_t size, signature, flags, pad;
};
#define GET_RSEQ_CONFIGURATION 0x420f

static void learn_rseq(struct engine_task *t)
{
	struct rseq_configuration conf = { 0 };
	long n;

	if (t->rseq_known || t->pub.state != TASK_STOPPED)
		return;
	n = ptrace((enum __ptrace_request)GET_RSEQ_CONFIGURATION, t->pub.tid, (void *)sizeof(conf),
		   &conf);
	if (n < 0 && errno == ESRCH)
		return;
	/* Registered by libc's start code: an early "none" isn't the last word. */
	t->rseq_known = n < 0 || conf.pointer;
	t->rseq = n < 0 ? 0 : conf.pointer;
	t->rseq_size = conf.size;
}

/* struct rseq: cpu_id_start, cpu_id, rseq_cs. */
#define RSEQ_CPU_ID 4
#define RSEQ_CS 8

int task_cpu(struct task *t)
{
	struct engine_task *impl = task_impl(t);
	struct procfs_stat st;
	int32_t cpu;

	learn_rseq(impl);
	if (impl->rseq &&
	    mem_read_raw(t->proc->as, impl->rseq + RSEQ_CPU_ID, &cpu, sizeof(cpu)) == sizeof(cpu) &&
	    cpu >= 0)
		return cpu;
	return procfs_stat(t->tid, &st) ? st.processor : -1;
}

int task_cpu_recent(struct task *t)
{
	struct engine_task *impl = task_impl(t);

	if (impl->cpu_at != t->engine->clock.ns) {
		impl->cpu_at = t->engine->clock.ns;
		impl->cpu = task_cpu(t);
	}
	return impl->cpu;
}

/* The kernel's struct rseq_cs. */
struct rseq_section {
	uint32_t version, flags;
	uint64_t start, length, abort;
};

bool task_in_rseq(struct engine_task *t, uint64_t *abort_ret)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_regs *r = task_regs(&t->pub);
	struct rseq_section cs;
	uint64_t ptr;

	learn_rseq(t);
	if (!r || !t->rseq)
		return false;
	if (mem_read_raw(as, t->rseq + RSEQ_CS, &ptr, sizeof(ptr)) != sizeof(ptr) || !ptr)
		return false;
	if (mem_read_raw(as, ptr, &cs, sizeof(cs)) != sizeof(cs))
		return false;
	if (arch_pc(r) - cs.start >= cs.length)
		return false;
	*abort_ret = cs.abort;
	return true;
}

static bool read_schedstat(struct engine_task *t, uint64_t *run, uint64_t *slices)
{
	char path[64], buf[96], *end;
	ssize_t n;

	if (t->schedstat_fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)t->pub.tid);
		t->schedstat_fd = fd_open(t->pub.engine, path, O_RDONLY);
	}
	if (t->schedstat_fd < 0)
		return false;
	n = pread(t->schedstat_fd, buf, sizeof(buf) - 1, 0);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	*run = strtoull(buf, &end, 10);
	strtoull(end, &end, 10); /* time waited for a CPU */
	*slices = strtoull(end, NULL, 10);
	return *run != 0; /* a kernel that doesn't count says 0 */
}

uint64_t task_run_time(struct engine_task *t, uint64_t *slices)
{
	struct procfs_stat st;
	uint64_t ns;

	if (read_schedstat(t, &ns, slices))
		return ns;
	*slices = 0;
	if (!procfs_stat(t->pub.tid, &st))
		return 0;
	return (st.utime + st.stime) * (ns_per_s / (uint64_t)sysconf(_SC_CLK_TCK));
}

uint64_t task_cpu_time(struct task *t)
{
	uint64_t slices;

	return task_run_time(task_impl(t), &slices);
}

/*
 * The guardian process and the list it goes by.  See guardian.h.
 *
 * The list is written twice over: the tracer fills the half that is not valid
 * and then says so by one store, so that a kill at any moment leaves a whole
 * list.  The guardian is nobody's child (it is forked twice): the tracer waits
 * for all its children and must not meet it.  It writes only where it finds
 * what the list says is there.
 *
 * It waits for a mutex that the tracer's thread holds: the kernel hands that on
 * as the first thing of a killed thread's end, long before it lets the targets go.
 */
#include "guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine_impl.h"

#define ENTRIES_MAX (1u << 18) /* a half; untouched pages cost nothing */
#define SEIZE_TRIES 40000 /* of 50 us and more */

/* One place in a target: what stands there because of us, and what is to. */
struct guard_entry {
	int32_t pid;
	uint32_t len;
	uint64_t addr;
	uint64_t program; /* inode, of a counter that is to be lowered by one; 0: no counter */
	uint8_t ours[ARCH_INSN_MAX], orig[ARCH_INSN_MAX];
};

/* A thread in a system call of the tracer's. */
struct guard_call {
	_Atomic int32_t tid; /* 0: none */
	uint64_t stub;
	struct arch_regs saved;
	uint64_t mask;
};

/* Text with a stub in it. */
struct guard_text {
	_Atomic int32_t pid; /* 0: none */
	uint64_t addr;
	uint32_t len;
	uint8_t orig[ARCH_SLOT_MAX], ours[ARCH_SLOT_MAX];
};

struct guard_list {
	pthread_mutex_t life; /* the tracer's */
	bool has_life;
	struct guard_call call;
	struct guard_text text;
	_Atomic uint32_t valid; /* which half */
	_Atomic uint32_t is_over; /* the tracer ended in order */
	uint32_t n[2];
	struct guard_entry entries[2][ENTRIES_MAX];
};

struct guardian {
	struct guard_list *list;
	int pipe; /* our end; its closing wakes the guardian */
};

/* The inode of the program that the process runs; 0: it is gone. */
static uint64_t guard_program(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return stat(path, &st) ? 0 : (uint64_t)st.st_ino;
}

/* ------------------------------------------------------------ the process -- */

static void undo(int mem, const struct guard_entry *e)
{
	uint8_t now[ARCH_INSN_MAX];

	if (e->len > sizeof(now) || pread(mem, now, e->len, (off_t)e->addr) != (ssize_t)e->len ||
	    memcmp(now, e->ours, e->len) != 0)
		return;
	if (pwrite(mem, e->orig, e->len, (off_t)e->addr) < 0)
		return; /* gone, or not ours to write any more */
}

/* Others may have counted, too; a new program's memory is none of our business. */
static void lower(int mem, const struct guard_entry *e)
{
	uint16_t v;

	if (guard_program(e->pid) != e->program ||
	    pread(mem, &v, sizeof(v), (off_t)e->addr) != sizeof(v) || !v)
		return;
	v--;
	if (pwrite(mem, &v, sizeof(v), (off_t)e->addr) < 0)
		return; /* as above */
}

static void undo_all(const struct guard_list *l)
{
	uint32_t half = atomic_load(&l->valid) & 1, n = l->n[half];
	int mem = -1;
	int32_t pid = 0;

	for (uint32_t i = 0; i < n && i < ENTRIES_MAX; i++) {
		const struct guard_entry *e = &l->entries[half][i];
		char path[64];

		if (e->pid != pid) {
			if (mem >= 0)
				close(mem);
			pid = e->pid;
			snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
			mem = open(path, O_RDWR | O_CLOEXEC);
		}
		if (mem >= 0 && e->program)
			lower(mem, e);
		else if (mem >= 0)
			undo(mem, e);
	}
}

static void undo_text(const struct guard_text *t)
{
	uint8_t now[ARCH_SLOT_MAX];
	int32_t pid = atomic_load(&t->pid);
	char path[64];
	int mem;

	if (!pid || t->len > sizeof(now))
		return;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDWR | O_CLOEXEC);
	if (mem < 0)
		return;
	if (pread(mem, now, t->len, (off_t)t->addr) == (ssize_t)t->len &&
	    memcmp(now, t->ours, t->len) == 0 &&
	    pwrite(mem, t->orig, t->len, (off_t)t->addr) != (ssize_t)t->len)
		_exit(1); /* gone */
	close(mem);
}

/* Whoever is still held by the dying tracer can't be had yet. */
static bool seize(pid_t tid)
{
	const struct timespec ts = { 0, 50000 };

	for (int i = 0; i < SEIZE_TRIES; i++) {
		if (ptrace((enum __ptrace_request)PTRACE_SEIZE, tid, NULL, NULL) == 0)
			return ptrace((enum __ptrace_request)PTRACE_INTERRUPT, tid, NULL, NULL) ==
			       0;
		if (errno == ESRCH && kill(tid, 0))
			return false;
		nanosleep(&ts, NULL);
	}
	return false;
}

/* It waits behind the call, or is on its way there. */
static void rescue(const struct guard_call *c)
{
	pid_t tid = atomic_load(&c->tid);
	struct arch_regs now;
	int status;

	if (!tid || !seize(tid))
		return;
	for (int i = 0; i < SEIZE_TRIES; i++) {
		if (waitpid(tid, &status, __WALL) < 0 || !WIFSTOPPED(status))
			return;
		if (status >> 16 == PTRACE_EVENT_STOP)
			break;
		ptrace(PTRACE_CONT, tid, NULL, (void *)(uintptr_t)WSTOPSIG(status));
	}
	/* Else it has them back, or never lost them. */
	if (arch_regs_read(tid, &now) == 0 && arch_pc(&now) - c->stub <= arch_syscall_safe_stub_len)
		arch_regs_write(tid, &c->saved);
	ptrace(PTRACE_SETSIGMASK, tid, (void *)sizeof(c->mask), (void *)(uintptr_t)&c->mask);
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
}

static void close_others(int keep)
{
	long n = sysconf(_SC_OPEN_MAX);

	for (int fd = 0; fd < (n > 65536 || n < 0 ? 65536 : (int)n); fd++)
		if (fd != keep)
			close(fd);
}

/* The tracer has ended. */
static void await_end(struct guard_list *l, int pipe_end)
{
	char c;

	if (l->has_life) {
		int err = pthread_mutex_lock(&l->life);

		if (!err || err == EOWNERDEAD)
			return;
	}
	while (read(pipe_end, &c, 1) > 0)
		;
}

/* It does nothing but when every moment counts; who may, goes before all others then. */
static void hurry(void)
{
	const struct sched_param param = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &param) && setpriority(PRIO_PROCESS, 0, -20))
		return; /* as all others */
}

static _Noreturn void watch(struct guard_list *l, int pipe_end)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "dtrace-guard");
	prctl(PR_SET_PDEATHSIG, 0);
	hurry();
	close_others(pipe_end);
	if (chdir("/"))
		_exit(1);
	await_end(l, pipe_end);
	if (!atomic_load(&l->is_over)) {
		undo_all(l);
		rescue(&l->call);
		undo_text(&l->text); /* it may have waited there */
	}
	_exit(0);
}

/* Held by the calling thread till it ends. */
static void take_life(struct guard_list *l)
{
	pthread_mutexattr_t attr;

	if (pthread_mutexattr_init(&attr))
		return;
	l->has_life = !pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) &&
		      !pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) &&
		      !pthread_mutex_init(&l->life, &attr) && !pthread_mutex_lock(&l->life);
	pthread_mutexattr_destroy(&attr);
}

struct guardian *guardian_start(void)
{
	struct guardian *g = calloc(1, sizeof(*g));
	int ends[2], status;
	pid_t child;

	if (!g || pipe2(ends, O_CLOEXEC)) {
		free(g);
		return NULL;
	}
	g->list = mmap(NULL, sizeof(*g->list), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (g->list != MAP_FAILED)
		take_life(g->list);
	child = g->list == MAP_FAILED ? -1 : fork();
	if (child == 0) {
		close(ends[1]);
		if (fork() == 0)
			watch(g->list, ends[0]);
		_exit(0);
	}
	close(ends[0]);
	if (child > 0) {
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		g->pipe = ends[1];
		return g;
	}
	close(ends[1]);
	if (g->list != MAP_FAILED)
		munmap(g->list, sizeof(*g->list));
	free(g);
	return NULL;
}

void guardian_end(struct guardian *g)
{
	if (!g)
		return;
	atomic_store(&g->list->is_over, 1);
	if (g->list->has_life)
		pthread_mutex_unlock(&g->list->life);
	close(g->pipe);
	munmap(g->list, sizeof(*g->list));
	free(g);
}

/* --------------------------------------------------------------- the list -- */

struct filling {
	struct guard_list *list;
	uint32_t half;
};

static void put(struct filling *f, const struct guard_entry *e)
{
	uint32_t *n = &f->list->n[f->half];

	if (*n < ENTRIES_MAX)
		f->list->entries[f->half][(*n)++] = *e;
}

static void put_control(struct filling *f, pid_t pid, uint64_t addr, uint32_t value)
{
	struct guard_entry e = { .pid = pid, .len = sizeof(value), .addr = addr };
	uint32_t drop = ARCH_CONTROL_DROP;

	memcpy(e.ours, &value, sizeof(value));
	memcpy(e.orig, &drop, sizeof(drop));
	put(f, &e);
}

static void put_site(struct filling *f, pid_t pid, const struct site *s)
{
	struct guard_entry e = { .pid = pid, .len = (uint32_t)arch_bp_len, .addr = s->addr };

	if (s->tier != SITE_STOP || !((const struct site_entry *)s)->in_text)
		return;
	memcpy(e.ours, arch_bp, arch_bp_len);
	memcpy(e.orig, s->orig, arch_bp_len);
	put(f, &e);
}

static void put_counters(struct filling *f, pid_t pid, const struct aspace *as)
{
	struct guard_entry e = { .pid = pid };

	if (as->counters.n)
		e.program = guard_program(pid);
	for (size_t i = 0; i < as->counters.n && e.program; i++) {
		e.addr = as->counters.items[i];
		put(f, &e);
	}
}

static const struct process *attached_owner(const struct engine *e, const struct aspace *as)
{
	for (const struct process *p = e->processes; p; p = p->next)
		if (p->as == as && !p->is_dead && !p->is_child_of_ours)
			return p;
	return NULL;
}

void guardian_sync(struct engine *e)
{
	struct filling f;

	if (!e->guardian)
		return;
	f.list = e->guardian->list;
	f.half = !(atomic_load(&f.list->valid) & 1);
	f.list->n[f.half] = 0;
	for (struct aspace *as = e->aspaces; as; as = as->next) {
		const struct process *p = attached_owner(e, as);

		if (!p)
			continue;
		/* First who waits, then who may stop. */
		if (as->rings)
			for (unsigned i = 0; i < 2; i++)
				put_control(&f, p->pid, ring_control(as->rings, i),
					    *ring_control_word(as->rings, i));
		for (size_t i = 0; i < as->planted.n; i++)
			put_site(&f, p->pid, &as->planted.items[i]->pub);
		put_counters(&f, p->pid, as);
	}
	atomic_store(&f.list->valid, f.half);
}

/* -------------------------------------------------------------- calls of ours -- */

void guardian_call_begins(struct engine *e, pid_t tid, uint64_t stub, const struct arch_regs *saved,
			  uint64_t mask)
{
	struct guard_call *c = &e->guardian->list->call;

	c->stub = stub;
	c->saved = *saved;
	c->mask = mask;
	atomic_store(&c->tid, tid);
}

void guardian_call_ends(struct engine *e)
{
	atomic_store(&e->guardian->list->call.tid, 0);
}

void guardian_text_begins(struct engine *e, pid_t pid, uint64_t addr, const uint8_t *orig,
			  const uint8_t *ours, size_t len)
{
	struct guard_text *t = e->guardian ? &e->guardian->list->text : NULL;

	if (!t || len > sizeof(t->orig))
		return;
	memcpy(t->orig, orig, len);
	memcpy(t->ours, ours, len);
	t->addr = addr;
	t->len = (uint32_t)len;
	atomic_store(&t->pid, pid);
}

void guardian_text_ends(struct engine *e)
{
	if (e->guardian)
		atomic_store(&e->guardian->list->text.pid, 0);
}

/* ------------------------------------------------------------------ counters -- */

bool engine_counter_raised(struct aspace *as, uint64_t addr)
{
	return vec_push(&as->counters, addr);
}

void engine_counters_forget(struct aspace *as, uint64_t lo, uint64_t hi)
{
	size_t kept = 0;

	for (size_t i = 0; i < as->counters.n; i++)
		if (as->counters.items[i] < lo || as->counters.items[i] >= hi)
			as->counters.items[kept++] = as->counters.items[i];
	if (kept == as->counters.n)
		return;
	as->counters.n = kept;
	guardian_sync(as->engine);
}

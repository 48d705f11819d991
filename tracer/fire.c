/*
 * Firing: a probe and a thread to records, records to the VM.
 *
 * Probe context: the thread is stopped while these run.  No allocation but
 * what the VM does for new keys, no I/O but when a clause asks the consumer
 * to act before the next firing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "session.h"

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The address space that memory accesses of a firing mean: the thread's, or
 * for the tracer's own probes that of $target. */
static struct aspace *firing_aspace(const struct firing *f)
{
	if (f->task)
		return f->task->proc->as;
	struct target *t = f->session->first_target;

	return t && t->proc ? t->proc->as : NULL;
}

/* How many bytes from off on of the args[] that were put together have a value. */
static size_t known_bytes(const struct session *s, uint64_t off, size_t len)
{
	size_t n = 0;

	while (n < len && (off + n) / 64 < ARRAY_SIZE(s->arg_known) &&
	       (s->arg_known[(off + n) / 64] >> (off + n) % 64 & 1))
		n++;
	return n;
}

size_t firing_load(const struct firing *f, uint64_t addr, void *buf, size_t len)
{
	struct aspace *as = firing_aspace(f);

	if (f->blob && addr >= FIRING_BLOB && addr - FIRING_BLOB < f->blob_len) {
		size_t left = f->blob_len - (addr - FIRING_BLOB);

		len = len < left ? len : left;
		if (f->blob == f->session->arg_objects)
			len = known_bytes(f->session, addr - FIRING_BLOB, len);
		memcpy(buf, (const char *)f->blob + (addr - FIRING_BLOB), len);
		return len;
	}
	return as ? as_read(as, addr, buf, len) : 0;
}

static size_t near_load(void *ctx, uint64_t addr, void *buf, size_t len)
{
	return firing_load(ctx, addr, buf, len);
}

static bool near_arg(void *ctx, unsigned n, uint64_t *value, uint64_t *fault_addr)
{
	struct firing *f = ctx;

	*value = 0;
	if (n >= DL_ARG_ADDRESS && f->object && f->task) {
		*fault_addr = DL_ADDR_NO_VALUE;
		return f->object(f, n - DL_ARG_ADDRESS, value, fault_addr);
	}
	if (f->has_args || !f->task) {
		if (n < FIRING_ARGS)
			*value = f->args[n];
		*fault_addr = DL_ADDR_NO_VALUE;
		return n >= FIRING_ARGS || !(f->missing & 1u << n);
	}
	struct arch_regs *r = task_regs(f->task);

	if (!r || arch_arg(r, n, value))
		return true;
	*fault_addr = *value;
	return as_read(f->task->proc->as, *fault_addr, value, sizeof(*value)) == sizeof(*value);
}

static uint64_t near_reg(void *ctx, unsigned n)
{
	struct firing *f = ctx;
	struct arch_regs *r = f->task ? task_regs(f->task) : NULL;
	uint64_t v = 0;

	if (r)
		arch_ureg(r, n, &v);
	return v;
}

bool session_uses_arg(const struct session *s, const struct probe *p, unsigned n)
{
	for (size_t i = 0; i < p->epids.n; i++) {
		const struct dl_enabling *e = dl_state_enabling(s->state, p->epids.items[i]);
		const struct dl_code *near = &e->clause->near;

		for (uint32_t k = 0; k < near->n; k++)
			if (near->insns[k].op == DL_OP_NARG && (uint32_t)near->insns[k].imm == n)
				return true;
	}
	return false;
}

static const struct dl_near_ops near_ops = { .arg = near_arg, .reg = near_reg, .load = near_load };

void session_consume(void *ctx)
{
	struct session *s = ctx;
	struct error *err;

	engine_collect_cells(s->engine);
	err = dl_consumer_run(s->consumer);
	if (!err)
		return;
	if (s->failure)
		error_destroy(err);
	else
		s->failure = err;
}

/* Other systems' scripts take arg0 of open(): here that is openat()'s directory. */
static void hint_fault(struct session *s, const struct dl_fault_info *info, const struct probe *p)
{
	if (info->fault != DL_FLT_BADADDR || (int32_t)info->addr != AT_FDCWD ||
	    strcmp(p->prov, "syscall") || s->has_hinted || s->test_mode ||
	    dl_option(s->options, DL_OPT_ERRTAGS) == 1)
		return;
	s->has_hinted = true;
	fprintf(stderr, "hint: arg0 of %s is a directory's descriptor, the path is arg1\n",
		p->func);
}

/*
 * Each fault is reported and fires dtrace:::ERROR, in the thread that faulted
 * and before its next clause.  A fault in an ERROR clause is counted by the
 * VM, not queued, so this ends.
 */
static void fire_errors(struct session *s, const struct firing *faulted)
{
	struct dl_fault_info info;

	while (dl_take_fault(s->state, &info)) {
		bool has_addr = info.fault == DL_FLT_BADADDR || info.fault == DL_FLT_BADALIGN ||
				info.fault == DL_FLT_BADSTACK;
		struct firing f = {
			.probe = probe_by_id(s->probes, 3),
			.task = faulted->task,
			.is_record = faulted->is_record,
			.stack = faulted->stack,
			.has_args = true,
			.args = { 0, info.epid, info.action, (uint64_t)info.offset,
				  (uint64_t)info.fault, has_addr ? info.addr : 0 },
		};

		dl_consumer_fault(s->consumer, &info);
		hint_fault(s, &info, faulted->probe);
		if (f.probe->epids.n)
			session_fire(s, &f);
	}
}

static unsigned fire_clause(struct session *s, const struct firing *f, const struct dl_record *rec,
			    const struct dl_thread *t)
{
	unsigned done = dl_fire(s->state, rec, t);

	if (done & DL_FIRED_FAULT)
		fire_errors(s, f);
	return done;
}

void session_fire(struct session *s, struct firing *f)
{
	struct dl_thread t = { .ops = &session_thread_ops, .ctx = f };
	uint32_t flags = DL_REC_FIRST;
	unsigned done = 0;

	f->session = s;
	if (s->only_cpu >= 0 && f->task && task_cpu(f->task) != s->only_cpu)
		return;
	f->time = now_ns();
	if (f->task) {
		t.key = f->task->key;
		t.pid = (uint32_t)f->task->proc->pid;
		t.tid = (uint32_t)f->task->tid;
	} else {
		t.pid = t.tid = (uint32_t)getpid();
	}
	for (size_t i = 0; i < f->probe->epids.n; i++) {
		struct dl_record *rec = (struct dl_record *)s->record;
		uint32_t epid = f->probe->epids.items[i];
		const struct dl_clause *c = dl_state_enabling(s->state, epid)->clause;

		/* timestamp stands still within a clause, not from one to the next. */
		*rec = (struct dl_record){ .epid = epid,
					   .flags = flags,
					   .time = i ? now_ns() : f->time };
		if (!dl_near_run(&c->near, c->n_slots, s->strsize, &near_ops, f, rec,
				 s->record_size))
			continue;
		flags = 0;
		done |= fire_clause(s, f, rec, &t);
	}
	/* At the end nothing can change what the entries show: all in one go. */
	if ((done & DL_FIRED_CONSUME) && !s->is_ending && !s->reads_at_end)
		session_consume(s);
}

/* A record of the record tier: near has run, in the thread itself. */
void session_fire_record(struct session *s, struct task *task, struct dl_record *rec)
{
	const struct dl_enabling *e = dl_state_enabling(s->state, rec->epid);
	const struct dl_clause *near = dl_state_near(s->state, rec->epid);
	struct firing f = { .session = s,
			    .task = task,
			    .is_record = true,
			    .error = (int)(rec->flags >> DL_REC_ERRNO),
			    .time = rec->time };
	struct dl_thread t = { &session_thread_ops, &f, task->key, (uint32_t)task->proc->pid,
			       (uint32_t)task->tid };
	struct arch_stack stack;

	if (!e || rec->n_slots != (near ? near : e->clause)->n_slots)
		return;
	rec->flags &= DL_REC_FIRST;
	if (near)
		rec->flags |= DL_REC_NEAR;
	f.probe = probe_by_id(s->probes, e->probe.id);
	if (stack_is_wanted(s, e->clause) && arch_record_stack(rec, &stack))
		f.stack = &stack;
	if ((fire_clause(s, &f, rec, &t) & DL_FIRED_CONSUME) && !s->is_ending && !s->reads_at_end)
		session_consume(s);
}

void session_fire_cell(struct session *s, struct task *task, const struct dl_cell *c)
{
	const struct dl_enabling *e = dl_state_enabling(s->state, c->epid);
	struct firing f = { .session = s, .task = task, .is_record = true, .time = now_ns() };
	struct dl_thread t = { &session_thread_ops, &f, task->key, (uint32_t)task->proc->pid,
			       (uint32_t)task->tid };

	if (!e)
		return;
	f.probe = probe_by_id(s->probes, e->probe.id);
	dl_fire_cell(s->state, &t, c);
}

void session_fire_simple(struct session *s, struct probe *p)
{
	struct firing f = { .probe = p, .has_args = true };

	session_fire(s, &f);
}

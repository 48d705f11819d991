/*
 * Remote system calls.
 *
 * A stopped task is made to run "syscall; trap" and stops again at the trap.
 * The trap must be the last stop before the registers are put back: it is a
 * signal stop, after which the kernel decides anew, from the restored
 * registers, whether an interrupted call of the program's is to be restarted.
 * (After a system-call stop it would not, and the program would see -512.)
 *
 * Where SIGTRAP is ignored the trap would reset that for good.  There the
 * call ends at its exit stop, and INTERRUPT provides the last stop.  So it does in
 * a target that may outlive us: if we are killed meanwhile, the task waits behind
 * the call, and the guardian puts back what is saved here.  (Not at the stop for a
 * signal: that would be lost.)
 *
 * Meanwhile every signal but SIGTRAP is blocked in the task, so nothing of
 * the program's runs.  Its mask, registers and the signal it was about to get
 * are restored.  A task about to enter a system call runs ours in its place
 * and then goes back to the call's instruction; that second entry is
 * swallowed.
 */
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>

#include "engine_impl.h"
#include "procfs.h"

#define REMOTE_NS (10 * ns_per_s)
#define MAX_STOPS 1000 /* stops on the way that are none of ours */

struct remote {
	struct engine *e;
	struct engine_task *t;
	uint64_t start_pc, trap_pc; /* pc before, and reported when done */
	struct arch_regs saved;
	uint64_t mask;
	siginfo_t info;
	bool has_mask, has_info, was_group, was_entry;
	bool took_back;
	bool ends_at_exit; /* at the call's exit stop, not at a trap */
	bool is_guarded;
	unsigned n_calls; /* system-call stops seen */
	int late_signal; /* a SIGSTOP that came in between */
};

static struct error *gone(const struct engine_task *t)
{
	return error_format(ERR_GONE, "thread %d is gone", (int)t->pub.tid);
}

/*
 * The kernel knows (5.3 and later).  What we know is that of before the stop as long as the
 * stop waits in the queue, and says nothing once it was dropped from there (detach.c).
 */
static bool is_at_entry(const struct engine_task *t)
{
	struct __ptrace_syscall_info info;

	if (t->stop != EV_SECCOMP && t->stop != EV_SYSCALL)
		return false;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pub.tid, (void *)sizeof(info), &info) > 0)
		return info.op == PTRACE_SYSCALL_INFO_ENTRY ||
		       info.op == PTRACE_SYSCALL_INFO_SECCOMP;
	return t->stop == EV_SECCOMP || t->pub.in_syscall != (t->n_queued > 0);
}

static void block_signals(struct remote *rc)
{
	pid_t tid = rc->t->pub.tid;
	uint64_t all = ~(UINT64_C(1) << (SIGTRAP - 1));

	if (rc->has_mask)
		ptrace(PTRACE_SETSIGMASK, tid, (void *)sizeof(all), &all);
	if (rc->t->stop == EV_SIGNAL || rc->t->stop == EV_TRAP)
		rc->has_info = ptrace(PTRACE_GETSIGINFO, tid, NULL, &rc->info) == 0;
}

/* What the task was doing, as the registers it must get back. */
static void save_registers(struct remote *rc, struct arch_regs *r, uint64_t nr)
{
	uint64_t abort_ip, args[6];

	rc->saved = *r;
	if (rc->was_entry) {
		for (unsigned i = 0; i < 6; i++)
			args[i] = arch_syscall_arg(r, i);
		arch_syscall_setup(&rc->saved, arch_pc(r) - arch_syscall_stub_trap, nr, args);
	} else if (task_in_rseq(rc->t, &abort_ip)) {
		arch_set_pc(&rc->saved, abort_ip);
	}
}

static bool load_call(struct remote *rc, uint64_t stub, unsigned nr, const uint64_t args[6])
{
	struct arch_regs r = *task_regs(&rc->t->pub);

	rc->start_pc = rc->was_entry ? 0 : stub;
	if (!rc->was_entry) {
		arch_syscall_setup(&r, stub, nr, args);
		return arch_regs_write(rc->t->pub.tid, &r) == 0;
	}
	arch_syscall_setup(&r, stub + arch_syscall_stub_trap, nr, args);
	return arch_regs_write(rc->t->pub.tid, &r) == 0 &&
	       arch_syscall_nr_set(rc->t->pub.tid, &r, nr) == 0;
}

/*
 * A SIGTRAP that was pending before we came: the task had run into a
 * breakpoint (a site's, or one of the program's own) and was stopped before
 * the signal was looked at.  It will run into it again.
 */
static bool take_back_trap(struct remote *rc, const struct arch_regs *now)
{
	uint64_t addr = arch_pc(&rc->saved) - arch_bp_pc_bias;
	struct aspace *as = rc->t->pub.proc->as;
	uint8_t code[ARCH_INSN_MAX];

	if (rc->took_back || arch_pc(now) != rc->start_pc)
		return false;
	rc->took_back = true;
	if (site_lookup(as, addr) || (mem_read_raw(as, addr, code, arch_bp_len) == arch_bp_len &&
				      !memcmp(code, arch_bp, arch_bp_len)))
		arch_set_pc(&rc->saved, addr);
	else
		rc->late_signal = SIGTRAP;
	return true;
}

/* One stop on the way: 1 done, 0 go on, -1 failed (the call didn't end). */
static int handle_stop(struct remote *rc, int status, struct arch_regs *r)
{
	struct event ev = event_decode(rc->t->pub.tid, status);

	switch (ev.kind) {
	case EV_GONE:
	case EV_EXIT: engine_ingest(rc->e, ev.tid, status); return -1;
	case EV_TRAP:
		if (arch_regs_read(ev.tid, r) < 0)
			return -1;
		if (arch_pc(r) == rc->trap_pc)
			return 1;
		return take_back_trap(rc, r) ? 0 : -1;
	case EV_SIGNAL:
		if (ev.sig != SIGSTOP)
			return -1; /* a fault, or a filter's SIGSYS */
		rc->late_signal = ev.sig;
		return 0;
	case EV_SYSCALL:
		/* In the place of a call about to be entered there is no entry. */
		if (!rc->ends_at_exit || ++rc->n_calls < (rc->was_entry ? 1 : 2))
			return 0;
		return arch_regs_read(ev.tid, r) < 0 ? -1 : 1;
	default: return 0;
	}
}

static int run_to_trap(struct remote *rc, struct arch_regs *r)
{
	pid_t tid = rc->t->pub.tid;
	int status, n;

	for (int i = 0; i < MAX_STOPS; i++) {
		if (ptrace(rc->ends_at_exit ? PTRACE_SYSCALL : PTRACE_CONT, tid, NULL, NULL) < 0)
			return -1;
		if (engine_wait_task(rc->e, tid, REMOTE_NS, &status) <= 0)
			return -1;
		n = handle_stop(rc, status, r);
		if (n)
			return n;
	}
	return -1;
}

/* Makes the kernel look at signals, job control and restarts again. */
static void restop(struct remote *rc)
{
	struct engine_task *t = rc->t;
	int status;

	if (!task_interrupt(t) || ptrace(PTRACE_CONT, t->pub.tid, NULL, NULL) < 0)
		return;
	task_set_state(&t->pub, TASK_RUNNING);
	if (engine_wait_task(rc->e, t->pub.tid, REMOTE_NS, &status) > 0)
		task_ingest_same(rc->e, t, status);
}

/* The call that ours took the place of is still to come, told or not yet. */
static void go_back(struct remote *rc)
{
	struct engine_task *t = rc->t;
	struct again_call c;

	t->stop = EV_TRAP;
	t->pub.in_syscall = false;
	if (t->n_queued) {
		engine_queue_drop(rc->e, t);
		t->wants_resume = true;
		return;
	}
	restart_read(t, &rc->saved, &c);
	c.pc += arch_syscall_stub_trap;
	c.nr = t->entry.nr;
	restart_expect(t, &c);
}

static bool restore(struct remote *rc)
{
	struct engine_task *t = rc->t;
	pid_t tid = t->pub.tid;

	/* The last stop comes first: killed in between, we leave nothing half done. */
	if (rc->is_guarded)
		restop(rc);
	if (arch_regs_write(tid, &rc->saved) < 0)
		return false;
	if (rc->is_guarded)
		guardian_call_ends(rc->e);
	if (t->is_dispatched)
		sud_configure(t, true);
	if (rc->has_mask)
		ptrace(PTRACE_SETSIGMASK, tid, (void *)sizeof(rc->mask), &rc->mask);
	if (rc->has_info)
		ptrace(PTRACE_SETSIGINFO, tid, NULL, &rc->info);
	t->pub.regs = rc->saved;
	t->pub.regs_valid = true;
	t->pub.regs_dirty = t->pc_dirty = false;
	if (rc->was_entry)
		go_back(rc);
	if (rc->late_signal)
		engine_raise(rc->e, &t->pub, rc->late_signal);
	if (!rc->is_guarded && (rc->was_group || rc->ends_at_exit))
		restop(rc);
	return true;
}

/* May the process outlive us in the middle of the call? */
static bool is_guarded(const struct remote *rc)
{
	const struct engine_task *t = rc->t;

	return rc->e->guardian && !t->pub.proc->is_child_of_ours && rc->has_mask &&
	       t->stop == EV_STOP && !rc->was_entry;
}

static void guard(struct remote *rc, uint64_t stub)
{
	rc->is_guarded = is_guarded(rc);
	if (!rc->is_guarded)
		return;
	rc->ends_at_exit = true;
	guardian_call_begins(rc->e, rc->t->pub.tid, stub, &rc->saved, rc->mask);
}

static struct error *run(struct remote *rc, uint64_t stub, unsigned nr, const uint64_t args[6],
			 int64_t *result)
{
	struct arch_regs *r = task_regs(&rc->t->pub), after;
	int n;

	if (!r)
		return gone(rc->t);
	rc->was_entry = is_at_entry(rc->t);
	rc->was_group = rc->t->is_group_stopped;
	rc->ends_at_exit = process_impl(rc->t->pub.proc)->trap_ignored;
	rc->e->stats.remote_calls++;
	save_registers(rc, r, arch_syscall_nr_get(r));
	rc->has_mask =
		ptrace(PTRACE_GETSIGMASK, rc->t->pub.tid, (void *)sizeof(rc->mask), &rc->mask) == 0;
	guard(rc, stub + arch_syscall_stub_len);
	if (rc->is_guarded)
		stub += arch_syscall_stub_len;
	rc->trap_pc = stub + arch_syscall_stub_trap + arch_bp_pc_bias;
	if (rc->t->is_dispatched)
		sud_configure(rc->t, false); /* the call is made in no slot */
	block_signals(rc);
	n = load_call(rc, stub, nr, args) ? run_to_trap(rc, &after) : -1;
	if (n > 0) {
		*result = arch_syscall_result(&after);
		if (rc->was_entry)
			arch_regs_reveal(&rc->saved, &after);
	}
	if (rc->t->pub.state == TASK_GONE || rc->t->stop == EV_EXIT || !restore(rc)) {
		if (rc->is_guarded)
			guardian_call_ends(rc->e);
		if (rc->t->pub.state != TASK_GONE && rc->t->stop != EV_EXIT)
			task_vanished(rc->t);
		return gone(rc->t);
	}
	if (n < 0)
		return error_format(ERR_OTHER, "system call %u in thread %d did not end", nr,
				    (int)rc->t->pub.tid);
	return NULL;
}

static struct error *inject_at(struct engine *e, struct engine_task *t, uint64_t stub, unsigned nr,
			       const uint64_t args[6], int64_t *result)
{
	struct remote rc = { .e = e, .t = t };

	if (t->pub.state != TASK_STOPPED || t->stop == EV_EXIT)
		return gone(t);
	if (!is_at_entry(t) && !task_make_clean(e, t))
		return gone(t);
	/* The kernel hands out forced signals in order, blocked or not: before our trap's. */
	sud_settle(e, t);
	if (t->pub.state != TASK_STOPPED || t->stop == EV_EXIT)
		return gone(t);
	return run(&rc, stub, nr, args, result);
}

/* -------------------------------------------------------------- bootstrap -- */

struct text_search {
	uint64_t addr;
};

static void find_text(void *arg, const struct procfs_map *m)
{
	struct text_search *s = arg;

	if (!s->addr && m->x && m->is_private && m->path[0] == '/')
		s->addr = m->lo;
}

/* A piece of text where no task is. */
static uint64_t bootstrap_addr(struct engine *e, struct engine_task *t)
{
	struct text_search s = { 0 };
	bool clash;

	if (!procfs_each_map(t->pub.tid, find_text, &s) || !s.addr)
		return 0;
	do {
		clash = false;
		for (struct engine_task *o = e->tasks; o && !clash; o = o->next) {
			struct arch_regs *r;

			if (!task_is_of(o, t->pub.proc->as) || o->pub.state != TASK_STOPPED)
				continue;
			r = task_regs(&o->pub);
			clash = r && arch_pc(r) - s.addr + 16 < 16 + ARCH_SLOT_MAX;
		}
		s.addr += clash ? 64 : 0;
	} while (clash);
	return s.addr;
}

struct error *inject_bootstrap(struct engine *e, struct engine_task *t, unsigned nr,
			       const uint64_t args[6], int64_t *result)
{
	struct aspace *as = t->pub.proc->as;
	uint8_t saved[ARCH_SLOT_MAX], stubs[ARCH_SLOT_MAX];
	uint64_t addr = bootstrap_addr(e, t);
	size_t len = arch_syscall_stub_len + arch_syscall_safe_stub_len;
	struct error *err;

	if (len > sizeof(saved) || !addr || mem_read_raw(as, addr, saved, len) != len)
		return error_format(ERR_OTHER, "process %d has no text to run a call in",
				    (int)t->pub.proc->pid);
	memcpy(stubs, arch_syscall_stub, arch_syscall_stub_len);
	memcpy(stubs + arch_syscall_stub_len, arch_syscall_safe_stub, arch_syscall_safe_stub_len);
	guardian_text_begins(e, t->pub.proc->pid, addr, saved, stubs, len);
	if (mem_write_raw(as, addr, stubs, len) != len) {
		mem_write_raw(as, addr, saved, len);
		guardian_text_ends(e);
		return error_format(ERR_OTHER, "the text of process %d can't be written",
				    (int)t->pub.proc->pid);
	}
	err = inject_at(e, t, addr, nr, args, result);
	mem_write_raw(as, addr, saved, len);
	guardian_text_ends(e);
	return err;
}

/* ----------------------------------------------------------------- choice -- */

/*
 * Inside a call, or at one's instruction, to which the kernel may have wound
 * back an interrupted call.
 */
static bool is_in_call(struct engine_task *t, const struct arch_regs *r)
{
	uint8_t code[ARCH_INSN_MAX];
	size_t n = arch_syscall_stub_trap;

	if (arch_in_syscall(r))
		return true;
	return n <= sizeof(code) && as_read(t->pub.proc->as, arch_pc(r), code, n) == n &&
	       !memcmp(code, arch_syscall_stub, n);
}

/* Lower is better; -1 unfit. */
static int unfitness(struct engine_task *t)
{
	struct arch_regs *r;
	uint64_t abort_ip;

	if (t->pub.state != TASK_STOPPED || t->stop == EV_EXIT || t->is_detached || !t->in_hash ||
	    (t->call_is_ahead && t->stop == EV_SYSCALL))
		return -1;
	if (is_at_entry(t))
		return 3;
	if (!event_is_clean(t->stop))
		return t->stop == EV_VFORK ? -1 : 4;
	r = task_regs(&t->pub);
	if (!r)
		return -1;
	if (is_in_call(t, r))
		return 1;
	return task_in_rseq(t, &abort_ip) ? 2 : 0;
}

struct engine_task *inject_choose(struct engine *e, struct aspace *as)
{
	struct engine_task *best = NULL;
	int best_cost = -1;

	for (struct engine_task *t = e->tasks; t && best_cost; t = t->next) {
		int cost = task_is_of(t, as) ? unfitness(t) : -1;

		if (cost < 0 || (best && cost >= best_cost))
			continue;
		best = t;
		best_cost = cost;
	}
	return best;
}

bool inject_is_filtered(const struct engine_task *t)
{
	const struct engine_process *p = process_impl(t->pub.proc);
	struct procfs_status st;

	if (!procfs_status(t->pub.tid, &st) || st.seccomp == 0)
		return false;
	if (st.seccomp == 1)
		return true;
	if (st.seccomp_filters < 0) /* can't tell ours from its own */
		return !p->pub.has_filter && !p->inherited_filters;
	return st.seccomp_filters > p->inherited_filters + (p->pub.has_filter ? 1 : 0);
}

struct error *inject_syscall(struct engine *e, struct engine_task *t, unsigned nr,
			     const uint64_t args[6], int64_t *result)
{
	struct aspace *as = t->pub.proc->as;
	struct error *err;

	if (as->stub)
		return inject_at(e, t, as->stub, nr, args, result);
	err = engine_stop_world(e, as);
	if (err)
		return err;
	err = inject_bootstrap(e, t, nr, args, result);
	engine_resume_world(e, as);
	return err;
}

struct error *engine_remote_syscall(struct engine *e, struct aspace *as, unsigned nr,
				    const uint64_t args[6], int64_t *result)
{
	struct engine_task *t;
	struct error *err;

	err = engine_stop_world(e, as);
	if (err)
		return err;
	t = inject_choose(e, as);
	if (!t)
		err = error_format(ERR_GONE, "no thread left to run a system call in");
	else if (inject_is_filtered(t))
		err = error_format(ERR_PERM,
				   "process %d has a seccomp filter of its own, which "
				   "might kill it for a remote system call",
				   (int)t->pub.proc->pid);
	else
		err = inject_syscall(e, t, nr, args, result);
	engine_resume_world(e, as);
	return err;
}

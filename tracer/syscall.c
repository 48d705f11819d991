/*
 * System-call stops.
 *
 * -c processes have the seccomp filter: a stop at the entry of each watched
 * call, and PTRACE_SYSCALL from there only if the exit is wanted.  Others get
 * PTRACE_SYSCALL at every resume while anything is watched, where entry and
 * exit stops look alike and alternate; a stop outside of calls (signals,
 * INTERRUPT) starts the alternation anew.
 *
 * A result of -512...-516 is the kernel talking to itself.  The call is then
 * either entered again, which is no new call (restart.c), or ends with EINTR
 * because a handler runs.  Which of them is known at the stop for the signal:
 * from the code, whether the signal has a handler, and SA_RESTART.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "engine_impl.h"
#include "procfs.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

/* The kernel's private results. */
#define RESTARTSYS 512 /* again if SA_RESTART */
#define RESTARTNOINTR 513 /* always again */
#define RESTARTNOHAND 514 /* again if no handler runs */
#define RESTART_BLOCK 516 /* the same, through restart_syscall */

bool syscall_wants(const uint64_t *set, unsigned nr)
{
	return nr < ENGINE_SYSCALL_WORDS * 64 && (set[nr / 64] >> (nr % 64) & 1);
}

static bool is_watched(const struct engine *e, unsigned nr)
{
	return syscall_wants(e->watched.entry, nr) || syscall_wants(e->watched.exit, nr);
}

int syscall_request(const struct engine_task *t)
{
	const struct engine *e = t->pub.engine;
	const struct engine_process *p = process_impl(t->pub.proc);

	if (t->exec_pending || p->is_silent)
		return PTRACE_CONT;
	if (t->pub.in_syscall && t->exit_wanted)
		return PTRACE_SYSCALL;
	if (t->is_dispatched)
		return PTRACE_CONT;
	return !p->pub.has_filter && !p->is_launching && e->is_watching ? PTRACE_SYSCALL :
									  PTRACE_CONT;
}

static bool is_private(int64_t result)
{
	return result == -RESTARTSYS || result == -RESTARTNOINTR || result == -RESTARTNOHAND ||
	       result == -RESTART_BLOCK;
}

/* Before its first exec a -c process is still a copy of us: only the exec counts. */
bool syscall_is_told(const struct engine_task *t, unsigned nr)
{
	const struct engine_process *p = process_impl(t->pub.proc);

	if (p->is_silent || p->is_quiet)
		return false;
	return !p->is_launching || nr == SYS_execve;
}

static void tell_entry(struct engine *e, struct engine_task *t, unsigned nr)
{
	if (syscall_is_told(t, nr) && syscall_wants(e->watched.entry, nr) &&
	    e->config.ops->syscall_entry)
		e->config.ops->syscall_entry(e->config.ctx, &t->pub, nr);
}

static void tell_return(struct engine *e, struct engine_task *t, unsigned nr, int64_t result)
{
	if (syscall_is_told(t, nr) && syscall_wants(e->watched.exit, nr) &&
	    e->config.ops->syscall_return)
		e->config.ops->syscall_return(e->config.ctx, &t->pub, nr, result);
}

/* ---------------------------------------------------------------- restarts -- */

/* How long after the program has begun to set an action it may still change. */
#define SETTLE_NS ns_per_s

/*
 * Asking takes a remote call at the stop for a signal, where nothing guards it.  While
 * the process' calls are dispatched all that change an action are seen.
 */
static bool has_restart_flag(struct engine *e, struct engine_task *t, int sig)
{
	struct signal_flags *known = &process_impl(t->pub.proc)->flags[sig % (SIGNALS_MAX + 1)];
	uint8_t action[SIGACTION_BYTES];
	unsigned long flags;
	uint64_t now = engine_now();

	if (t->is_dispatched && known->read > known->changed + SETTLE_NS)
		return known->restarts;
	if (!signal_action_read(e, t, sig, action))
		return true;
	memcpy(&flags, action + sizeof(void *), sizeof(flags));
	*known = (struct signal_flags){
		.read = t->is_dispatched ? now : 0,
		.changed = known->changed,
		.restarts = flags & SA_RESTART,
	};
	return known->restarts;
}

void syscall_sets_action(struct engine_task *t, int sig)
{
	if (sig > 0 && sig <= SIGNALS_MAX)
		process_impl(t->pub.proc)->flags[sig].changed = engine_now();
}

bool syscall_is_caught(const struct engine_task *t, int sig)
{
	struct procfs_status st;

	return procfs_status(t->pub.tid, &st) && (st.sig_cgt >> (sig - 1) & 1);
}

/* Will the call that was interrupted by the signal, with this private result, fail? */
static bool will_fail(struct engine *e, struct engine_task *t, int sig, int code)
{
	if (!sig || code == RESTARTNOINTR || !syscall_is_caught(t, sig))
		return false;
	return code != RESTARTSYS || !has_restart_flag(e, t, sig);
}

void syscall_tell_return(struct engine *e, struct engine_task *t, unsigned nr, int64_t result)
{
	tell_return(e, t, nr, result);
}

bool syscall_tell_failure(struct engine *e, struct engine_task *t, unsigned nr, int code, int sig)
{
	if (!will_fail(e, t, sig, code))
		return false;
	tell_return(e, t, nr, -EINTR);
	return true;
}

/*
 * Where the kernel winds back before the stop, which of the private results it
 * was is known from the exit's stop.  Looking at the handler ran a call of
 * ours, after which the kernel no longer lets the program's fail: we do.
 */
static bool make_fail(struct engine *e, struct engine_task *t, const struct again_call *c, int sig)
{
	struct arch_regs *r = task_regs(&t->pub);
	uint64_t behind;

	if (!r)
		return false;
	behind = arch_pc(r) + arch_syscall_stub_trap;
	if (!c->code || !arch_syscall_rewound(r, behind, arch_sp(r)) ||
	    !will_fail(e, t, sig, c->code))
		return false;
	r = task_regs(&t->pub);
	if (!r)
		return true;
	arch_set_pc(r, behind);
	arch_set_retval(r, (uint64_t)-EINTR);
	task_regs_changed(&t->pub);
	return true;
}

/* The call that r is interrupted in, whose fate is still to be decided. */
static bool is_interrupted(struct engine_task *t, const struct arch_regs *r, struct again_call *c)
{
	bool is_last = arch_pc(r) == t->entry.pc && arch_sp(r) == t->entry.sp;

	if (!arch_in_syscall(r) || patch_sleeps(t))
		return false;
	restart_read(t, r, c);
	c->nr = (unsigned)arch_syscall_nr_get(r);
	c->code = (int)-arch_syscall_result(r);
	if (c->nr != SYS_restart_syscall)
		return true;
	if (restart_expected(t))
		c->nr = restart_expected(t)->nr;
	else if (is_last)
		c->nr = t->entry.nr;
	return true;
}

/*
 * The call that r goes back to.  Where nothing but registers tells, and the
 * exit's stop was not wanted, that is the last one entered at the place.
 */
static bool is_rewound(struct engine_task *t, const struct arch_regs *r, struct again_call *c)
{
	const struct again_call *expected = restart_ahead(t, r);

	if (expected) {
		*c = *expected;
		return true;
	}
	if (!t->entry.pc || !arch_syscall_rewound(r, t->entry.pc, t->entry.sp))
		return false;
	restart_read(t, r, c);
	c->pc += arch_syscall_stub_trap;
	c->nr = t->entry.nr;
	return true;
}

/* A call is interrupted: what will become of it? */
static void interrupt(struct engine *e, struct engine_task *t, const struct again_call *c, int sig,
		      bool is_rewound)
{
	bool is_told = is_watched(e, c->nr);

	if (!sig || !syscall_is_caught(t, sig)) {
		if (!is_rewound || !restart_expected(t))
			restart_expect(t, c);
		return;
	}
	if (is_told && (is_rewound ? make_fail(e, t, c, sig) : will_fail(e, t, sig, c->code))) {
		restart_none(t);
		t->pub.syscall_nr = -1;
		tell_return(e, t, c->nr, -EINTR);
		return;
	}
	restart_leave(t, c);
}

/*
 * A handler runs in a plain slot.  A call that was told of and is not made yet, and the
 * return to an interrupted one, will come again.  false: it is being made, or was.
 */
static bool leave_slot(struct engine *e, struct engine_task *t, const struct arch_regs *r)
{
	unsigned nr = (unsigned)arch_syscall_nr_get(r);
	bool is_ahead = (arch_pc(r) - ARCH_CALLS) % ARCH_SLOT_CALL == 0;
	const struct again_call *back = restart_expected(t);
	struct again_call c;

	if (is_ahead && nr == SYS_rt_sigreturn && back) {
		c = *back;
		restart_leave(t, &c);
	} else if (is_ahead && is_watched(e, nr)) {
		restart_read(t, r, &c);
		c.pc += arch_syscall_stub_trap;
		c.nr = nr;
		restart_leave(t, &c);
	} else if (!is_watched(e, nr)) {
		restart_leave_other(t, r);
	} else {
		return false;
	}
	return true;
}

void syscall_note_interrupt(struct engine *e, struct engine_task *t, int sig)
{
	struct arch_regs *r = task_regs(&t->pub);
	struct again_call c;

	t->pub.in_syscall = false;
	sud_take_back(t);
	if (!r)
		return;
	/*
	 * A trampoline's call: it tells of the return itself, and of no second entry.  One in
	 * a plain slot goes on there, unless a handler comes back to its place.
	 */
	if (fastcall_contains(t->pub.proc->as, arch_pc(r)) && arch_pc(r) < ARCH_CALLS_BELL) {
		if (!fastcall_is_plain(t->pub.proc->as, arch_pc(r)) || !sig ||
		    !syscall_is_caught(t, sig))
			return;
		if (leave_slot(e, t, r))
			return;
	}
	if (is_interrupted(t, r, &c))
		interrupt(e, t, &c, sig, false);
	else if (is_rewound(t, r, &c))
		interrupt(e, t, &c, sig, true);
	else if (sig && syscall_is_caught(t, sig))
		restart_leave_other(t, r);
}

/* ------------------------------------------------------------------- stops -- */

/* Calls that change what becomes of others, or where they may be made. */
static void note_rules(struct engine *e, struct engine_task *t, const struct arch_regs *r,
		       unsigned nr)
{
	uint64_t op = arch_syscall_arg(r, 0);
	bool is_filter = nr == SYS_prctl ? op == PR_SET_SECCOMP : op <= SECCOMP_SET_MODE_FILTER;

	if (!is_filter && (nr != SYS_prctl || op != PR_SET_SYSCALL_USER_DISPATCH))
		return;
	process_impl(t->pub.proc)->has_own_filter |= is_filter;
	fastcall_give_up(e, t->pub.proc->as);
}

/* Does a filter of the program's ask for the stop?  Without us the call would fail. */
static bool is_of_own_filter(struct engine_task *t)
{
	unsigned long msg;

	return process_impl(t->pub.proc)->has_own_filter &&
	       ptrace(PTRACE_GETEVENTMSG, t->pub.tid, NULL, &msg) == 0 && msg != FILTER_DATA;
}

static void skip_call(struct engine_task *t, struct arch_regs *r)
{
	arch_set_retval(r, (uint64_t)-ENOSYS);
	task_regs_changed(&t->pub);
	if (task_flush(t))
		arch_syscall_nr_set(t->pub.tid, r, (uint64_t)-1);
}

/*
 * One of ours was made in the place of this call while its stop waited in the queue: the
 * thread is back at the instruction, and the stop to tell of is to come.
 */
static bool is_to_come(struct engine_task *t, const struct arch_regs *r)
{
	if (!restart_ahead(t, r))
		return false;
	restart_none(t);
	t->exit_wanted = false;
	return true;
}

static void enter(struct engine *e, struct engine_task *t, struct arch_regs *r)
{
	unsigned nr = (unsigned)arch_syscall_nr_get(r);
	bool again;

	if (is_to_come(t, r))
		return;
	again = restart_take(t, r, &nr);
	if (nr == SYS_rt_sigreturn)
		restart_return(t, r);
	else if (nr == SYS_prctl || nr == SYS_seccomp)
		note_rules(e, t, r, nr);
	t->pub.in_syscall = true;
	t->pub.syscall_nr = nr;
	t->entry.nr = nr;
	t->entry.pc = arch_pc(r);
	t->entry.sp = arch_sp(r);
	t->exit_wanted = syscall_wants(e->watched.exit, nr) ||
			 (!t->pub.proc->has_filter && !t->is_dispatched);
	if (again)
		return;
	/* First: what it takes is not the call's time. */
	fastcall_note(e, t);
	if (t->pub.state != TASK_STOPPED)
		return;
	if (t->is_dispatched) /* clauses see it where it is at other stops */
		task_pc_set(t, t->entry.pc);
	tell_entry(e, t, nr);
}

static void leave(struct engine *e, struct engine_task *t, struct arch_regs *r)
{
	int64_t result = arch_syscall_result(r);
	unsigned nr = (unsigned)t->pub.syscall_nr;

	t->pub.in_syscall = false;
	if (is_private(result) && nr != SYS_rt_sigreturn) {
		struct again_call c;

		restart_read(t, r, &c);
		c.nr = nr;
		c.code = (int)-result;
		restart_expect(t, &c);
		sud_rewind(t);
		return;
	}
	t->entry.pc = 0; /* over */
	tell_return(e, t, nr, result);
	t->pub.syscall_nr = -1;
	if (nr == SYS_prctl)
		t->pub.comm_valid = false;
}

void syscall_seccomp_stop(struct engine *e, struct task *t)
{
	struct arch_regs *r = task_regs(t);

	if (!r) {
		task_vanished(task_impl(t));
		return;
	}
	e->stats.syscall_stops++;
	if (patch_sleeps(task_impl(t))) {
		task_resume(task_impl(t));
		return;
	}
	if (is_of_own_filter(task_impl(t))) {
		skip_call(task_impl(t), r);
		task_resume(task_impl(t));
		return;
	}
	enter(e, task_impl(t), r);
	if (!task_impl(t)->exit_wanted && t->syscall_nr != SYS_execve &&
	    t->syscall_nr != SYS_execveat) {
		t->in_syscall = false;
		t->syscall_nr = -1;
	}
	task_resume(task_impl(t));
}

void syscall_stop(struct engine *e, struct task *t)
{
	struct arch_regs *r = task_regs(t);

	if (!r) {
		task_vanished(task_impl(t));
		return;
	}
	e->stats.syscall_stops++;
	if (patch_sleeps(task_impl(t))) { /* a call of ours */
		task_resume(task_impl(t));
		return;
	}
	if (task_impl(t)->call_is_ahead) { /* told of already */
		task_impl(t)->call_is_ahead = false;
	} else if (t->in_syscall) {
		leave(e, task_impl(t), r);
		sud_consider(e, task_impl(t));
	} else {
		enter(e, task_impl(t), r);
	}
	task_resume(task_impl(t));
}

void syscall_ends(struct engine *e, struct engine_task *t)
{
	struct arch_regs *r = t->is_dispatched ? task_regs(&t->pub) : NULL;

	if (r && arch_syscall_nr_get(r) == SYS_exit && t->entry.nr != SYS_exit &&
	    fastcall_is_plain(t->pub.proc->as, arch_pc(r)))
		tell_entry(e, t, SYS_exit);
}

bool syscall_dispatched(struct engine *e, struct engine_task *t, uint64_t behind)
{
	struct arch_regs *now = task_regs(&t->pub), r;
	unsigned nr = now ? (unsigned)arch_syscall_nr_get(now) : 0;

	if (!now || (!is_watched(e, nr) && nr != SYS_restart_syscall && nr != SYS_rt_sigreturn))
		return false;
	r = *now;
	arch_set_pc(&r, behind);
	enter(e, t, &r);
	t->pub.in_syscall = t->exit_wanted;
	if (!t->exit_wanted && nr != SYS_execve && nr != SYS_execveat)
		t->pub.syscall_nr = -1;
	return t->exit_wanted;
}

/* ------------------------------------------------- returns nobody stops at -- */

/* A new task starts in the return of the call that made it. */
void syscall_child_return(struct engine *e, struct engine_task *child, unsigned nr)
{
	if (e->is_watching && child->pub.state == TASK_STOPPED)
		tell_return(e, child, nr, 0);
}

/* A successful exec returns in the new image. */
void syscall_exec_return(struct engine *e, struct engine_task *t)
{
	int64_t nr = t->pub.syscall_nr;

	t->pub.in_syscall = false;
	t->pub.syscall_nr = -1;
	if (nr == SYS_execve || nr == SYS_execveat)
		tell_return(e, t, (unsigned)nr, 0);
}

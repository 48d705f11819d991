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
 * either entered again, which is no new call, or ends with EINTR because a
 * handler runs.  Which of them is known at the stop for the signal: from the
 * code, whether the signal has a handler, and SA_RESTART.
 */
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "engine_impl.h"
#include "procfs.h"

/* The kernel's private results. */
#define RESTARTSYS 512 /* again if SA_RESTART */
#define RESTARTNOINTR 513 /* always again */
#define RESTARTNOHAND 514 /* again if no handler runs */
#define RESTART_BLOCK 516 /* the same, through restart_syscall */

bool syscall_wants(const uint64_t *set, unsigned nr)
{
	return nr < ENGINE_SYSCALL_WORDS * 64 && (set[nr / 64] >> (nr % 64) & 1);
}

int syscall_request(const struct engine_task *t)
{
	const struct engine *e = t->pub.engine;
	const struct engine_process *p = process_impl(t->pub.proc);

	if (t->exec_pending || p->is_silent)
		return PTRACE_CONT;
	if (t->pub.in_syscall && t->exit_wanted)
		return PTRACE_SYSCALL;
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

/* Is this entry the second coming of an interrupted call? */
static bool is_reentry(struct engine_task *t, const struct arch_regs *r, unsigned *nr)
{
	bool same;

	if (!t->restart.active)
		return false;
	same = (*nr == t->restart.nr || *nr == SYS_restart_syscall) &&
	       arch_pc(r) == t->restart.pc && arch_sp(r) == t->restart.sp;
	if (same)
		*nr = t->restart.nr;
	/* A handler's own calls come at lower addresses of the stack; anything
	 * else means that the program never came back to the call. */
	if (same || arch_sp(r) >= t->restart.sp)
		t->restart.active = false;
	return same;
}

static bool has_restart_flag(struct engine *e, struct engine_task *t, int sig)
{
	uint8_t action[SIGACTION_BYTES];
	unsigned long flags;

	if (!signal_action_read(e, t, sig, action))
		return true;
	memcpy(&flags, action + sizeof(void *), sizeof(flags));
	return flags & SA_RESTART;
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

/* A handler makes the interrupted call fail: that was its return. */
static void fail_interrupted(struct engine *e, struct engine_task *t)
{
	t->restart.active = false;
	t->pub.syscall_nr = -1;
	tell_return(e, t, t->restart.nr, -EINTR);
}

/*
 * Where the kernel winds back before the stop, which of the private results it
 * was is known from the exit's stop.  Looking at the handler ran a call of
 * ours, after which the kernel no longer lets the program's fail: we do.
 * Without the exit's stop nothing is looked at, and a call may count twice.
 */
static void note_rewound(struct engine *e, struct engine_task *t, struct arch_regs *r, int sig)
{
	if (t->restart.active) {
		if (!arch_syscall_rewound(r, t->restart.pc, t->restart.sp) ||
		    !will_fail(e, t, sig, t->restart.code))
			return;
		r = task_regs(&t->pub);
		if (!r)
			return;
		arch_set_pc(r, t->restart.pc);
		arch_set_retval(r, (uint64_t)-EINTR);
		task_regs_changed(&t->pub);
		fail_interrupted(e, t);
	} else if (arch_syscall_rewound(r, t->entry.pc, t->entry.sp)) {
		t->restart.active = !sig || !syscall_is_caught(t, sig);
		t->restart.nr = t->entry.nr;
		t->restart.code = RESTARTSYS;
		t->restart.pc = t->entry.pc;
		t->restart.sp = t->entry.sp;
	}
}

void syscall_note_interrupt(struct engine *e, struct engine_task *t, int sig)
{
	struct arch_regs *r = task_regs(&t->pub);
	unsigned nr;

	t->pub.in_syscall = false;
	/* A trampoline's call: it tells of the return itself, and of no second entry. */
	if (!r || fastcall_contains(t->pub.proc->as, arch_pc(r)))
		return;
	if (!arch_in_syscall(r)) {
		note_rewound(e, t, r, sig);
		return;
	}
	nr = (unsigned)arch_syscall_nr_get(r);
	if (nr == SYS_restart_syscall && t->restart.active)
		nr = t->restart.nr;
	else if (nr == SYS_restart_syscall && t->pub.syscall_nr >= 0)
		nr = (unsigned)t->pub.syscall_nr;
	t->restart.active = true;
	t->restart.nr = nr;
	t->restart.code = (int)-arch_syscall_result(r);
	t->restart.pc = arch_pc(r);
	t->restart.sp = arch_sp(r);
	if ((syscall_wants(e->watched.entry, nr) || syscall_wants(e->watched.exit, nr)) &&
	    will_fail(e, t, sig, t->restart.code))
		fail_interrupted(e, t);
}

/* ------------------------------------------------------------------- stops -- */

/* Is this the call that one of ours was made in place of?  A handler may run before it. */
static bool takes_back(struct engine_task *t, const struct arch_regs *r)
{
	bool same = arch_pc(r) == t->swallow_pc && arch_sp(r) == t->swallow_sp;

	if (!t->swallow_entry || (!same && arch_sp(r) < t->swallow_sp))
		return false;
	t->swallow_entry = false;
	return same;
}

static void enter(struct engine *e, struct engine_task *t, struct arch_regs *r)
{
	unsigned nr = (unsigned)arch_syscall_nr_get(r);
	bool again = is_reentry(t, r, &nr);

	if (takes_back(t, r)) {
		again = true;
		if (t->pub.syscall_nr >= 0)
			nr = (unsigned)t->pub.syscall_nr;
	}
	t->pub.in_syscall = true;
	t->pub.syscall_nr = nr;
	t->entry.nr = nr;
	t->entry.pc = arch_pc(r);
	t->entry.sp = arch_sp(r);
	t->exit_wanted = syscall_wants(e->watched.exit, nr) || !t->pub.proc->has_filter;
	if (again)
		return;
	/* First: what it takes is not the call's time. */
	fastcall_note(e, t);
	if (t->pub.state == TASK_STOPPED)
		tell_entry(e, t, nr);
}

static void leave(struct engine *e, struct engine_task *t, struct arch_regs *r)
{
	int64_t result = arch_syscall_result(r);
	unsigned nr = (unsigned)t->pub.syscall_nr;

	t->pub.in_syscall = false;
	if (is_private(result) && nr != SYS_rt_sigreturn) {
		t->restart.active = true;
		t->restart.nr = nr;
		t->restart.code = (int)-result;
		t->restart.pc = arch_pc(r);
		t->restart.sp = arch_sp(r);
		return;
	}
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
	if (t->in_syscall)
		leave(e, task_impl(t), r);
	else
		enter(e, task_impl(t), r);
	task_resume(task_impl(t));
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

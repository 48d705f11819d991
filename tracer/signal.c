/*
 * Signals: whose SIGTRAP it is, and delivery as if nobody watched.
 *
 * A SIGTRAP is ours if it stopped at a live site, or at one removed while the
 * trap was on its way (the site's record stays as a tombstone).  Any other is
 * the program's and is delivered to it.
 *
 * The kernel forces a breakpoint's SIGTRAP: if it was blocked or ignored, the
 * mask bit is cleared and the handler reset, for good.  Both are put back: a
 * mask that blocks everything but SIGTRAP is a block-all window (libc's own,
 * or a program's sigfillset) that lost the bit.  The handler is known from
 * looking at /proc now and then, and restored by a remote rt_sigaction.
 *
 * A signal that arrives in an out-of-line copy is delivered at the original
 * instruction, so that handlers and their frames never see the annex.
 */
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "engine_impl.h"
#include "procfs.h"

/* How often SIGTRAP's disposition is looked at, at hits. */
#define LEARN_NS UINT64_C(10000000)
#define KERNEL_SIGSET_BYTES 8
#define REMOTE_SCRATCH 512 /* below the stack pointer: past any red zone */

#define BIT(sig) (UINT64_C(1) << ((sig)-1))
/* Bits no program can set: KILL, STOP, and those libc keeps for itself. */
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP) | BIT(32) | BIT(33) | BIT(34))

/* ------------------------------------------------------------ disposition -- */

static bool remote_sigaction(struct engine *e, struct engine_task *t, int sig, const uint8_t *set,
			     uint8_t *get)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_regs *r = task_regs(&t->pub);
	uint8_t saved[SIGACTION_BYTES];
	uint64_t scratch;
	struct error *err;
	int64_t result = -1;
	bool ok;

	if (!r)
		return false;
	scratch = (arch_sp(r) - REMOTE_SCRATCH) & ~UINT64_C(15);
	if (mem_read_raw(as, scratch, saved, sizeof(saved)) != sizeof(saved))
		return false;
	if (set && mem_write_raw(as, scratch, set, SIGACTION_BYTES) != SIGACTION_BYTES)
		return false;
	uint64_t args[6] = { (uint64_t)sig, set ? scratch : 0, set ? 0 : scratch,
			     KERNEL_SIGSET_BYTES };

	err = inject_syscall(e, t, SYS_rt_sigaction, args, &result);
	ok = !err && result == 0;
	error_destroy(err);
	if (ok && get)
		ok = mem_read_raw(as, scratch, get, SIGACTION_BYTES) == SIGACTION_BYTES;
	mem_write_raw(as, scratch, saved, sizeof(saved));
	return ok;
}

bool signal_action_read(struct engine *e, struct engine_task *t, int sig,
			uint8_t action[SIGACTION_BYTES])
{
	return remote_sigaction(e, t, sig, NULL, action);
}

bool engine_signal_handler(struct engine *e, struct task *t, int sig, uint64_t *ret)
{
	uint8_t action[SIGACTION_BYTES];

	if (!signal_action_read(e, task_impl(t), sig, action))
		return false;
	memcpy(ret, action, sizeof(*ret));
	return true;
}

static void set_ignored(struct engine_process *p)
{
	uintptr_t ignore = 1; /* SIG_IGN; the handler comes first */

	memset(p->trap_action, 0, sizeof(p->trap_action));
	memcpy(p->trap_action, &ignore, sizeof(ignore));
	p->trap_action_known = true;
}

static void learn_from(struct engine *e, struct engine_task *t, const struct procfs_status *st)
{
	struct engine_process *p = process_impl(t->pub.proc);

	p->trap_learned = engine_now();
	p->trap_ignored = st->sig_ign & BIT(SIGTRAP);
	p->trap_caught = st->sig_cgt & BIT(SIGTRAP);
	if (p->trap_ignored)
		set_ignored(p);
	else if (!p->trap_caught)
		p->trap_action_known = false;
	else if (!p->trap_action_known)
		p->trap_action_known = signal_action_read(e, t, SIGTRAP, p->trap_action);
}

void signal_learn(struct engine *e, struct engine_task *t)
{
	struct procfs_status st;

	if (procfs_status(t->pub.tid, &st))
		learn_from(e, t, &st);
	else
		process_impl(t->pub.proc)->trap_learned = engine_now();
}

void signal_learn_mask(struct engine_task *t)
{
	uint64_t mask;

	if (ptrace(PTRACE_GETSIGMASK, t->pub.tid, (void *)sizeof(mask), &mask) == 0)
		t->trap_blocked = mask & BIT(SIGTRAP);
}

void signal_exec(struct engine_process *p)
{
	p->trap_caught = p->trap_action_known = false;
	memset(p->flags, 0, sizeof(p->flags));
	if (p->trap_ignored) /* as before the program */
		set_ignored(p);
}

/* Did the forced trap take SIGTRAP out of a mask that blocked everything? */
static bool was_full(uint64_t mask)
{
	return !(mask & BIT(SIGTRAP)) && (mask | BIT(SIGTRAP) | UNBLOCKABLE) == UINT64_MAX;
}

/*
 * Asking for the mask costs a twentieth of a hit.  Where SIGTRAP has its
 * default action a lost bit harms nobody at once, so it is asked for at a
 * thread's first hit, then now and then, and always while it was found lost.
 */
static bool needs_look(const struct engine_task *t, uint64_t now)
{
	const struct engine_process *p = process_impl(t->pub.proc);

	return p->trap_caught || p->trap_ignored || t->mask_was_full || t->trap_blocked ||
	       now - t->mask_checked > LEARN_NS;
}

/*
 * The trap resets a handler only if SIGTRAP was blocked (or ignored), so where
 * there is one it tells.  Where there is none, what is known must do.
 */
static bool was_blocked(struct engine_task *t, const struct procfs_status *st)
{
	if (!process_impl(t->pub.proc)->trap_caught)
		return t->trap_blocked;
	t->trap_blocked = !(st->sig_cgt & BIT(SIGTRAP));
	return t->trap_blocked;
}

void signal_repair_forced(struct engine *e, struct engine_task *t, bool is_first)
{
	struct engine_process *p = process_impl(t->pub.proc);
	uint64_t mask, now = engine_now();
	bool is_due =
		is_first || now - t->mask_checked > LEARN_NS || now - p->trap_learned > LEARN_NS;
	bool full, blocked, is_merged;
	struct procfs_status st;

	if (!needs_look(t, now))
		return;
	if (ptrace(PTRACE_GETSIGMASK, t->pub.tid, (void *)sizeof(mask), &mask) < 0)
		return;
	blocked = full = t->mask_was_full = was_full(mask);
	t->mask_checked = now;
	if (!full && (is_due || p->trap_ignored || p->trap_caught || t->trap_blocked)) {
		if (!procfs_status(t->pub.tid, &st))
			return;
		blocked = was_blocked(t, &st);
		/* What was ignored is caught now: the program's doing. */
		if ((p->trap_ignored && (st.sig_cgt & BIT(SIGTRAP))) ||
		    (is_due && !blocked && !p->trap_ignored))
			learn_from(e, t, &st);
	}
	/* One that was pending took the place of the hit's: it is sent again. */
	is_merged = blocked && !signal_is_breakpoint(t->pub.tid);
	if (blocked) {
		mask |= BIT(SIGTRAP);
		ptrace(PTRACE_SETSIGMASK, t->pub.tid, (void *)sizeof(mask), &mask);
	}
	if ((p->trap_ignored || (blocked && p->trap_caught)) && p->trap_action_known)
		remote_sigaction(e, t, SIGTRAP, p->trap_action, NULL);
	if (is_merged)
		engine_raise(e, &t->pub, SIGTRAP);
}

/* -------------------------------------------------------------- ownership -- */

bool signal_is_breakpoint(pid_t tid)
{
	siginfo_t si;

	if (ptrace(PTRACE_GETSIGINFO, tid, NULL, &si) < 0)
		return false;
	return si.si_signo == SIGTRAP && (si.si_code == SI_KERNEL || si.si_code == TRAP_BRKPT);
}

bool signal_has_hit_pending(struct engine_task *t)
{
	struct arch_regs *r = task_regs(&t->pub);
	struct procfs_status st;

	if (t->stop == EV_TRAP || !r)
		return false;
	if (!site_lookup(t->pub.proc->as, arch_pc(r) - arch_bp_pc_bias) && !patch_is_trap(t, r))
		return false;
	return procfs_status(t->pub.tid, &st) && (st.sig_pnd & BIT(SIGTRAP));
}

/* A trap that could not be delivered as it was set the disposition to the default. */
static bool is_forced(const struct engine_task *t)
{
	struct procfs_status st;

	return procfs_status(t->pub.tid, &st) && !((st.sig_cgt | st.sig_ign) & BIT(SIGTRAP));
}

/*
 * A thread may rightly be where a trap would be reported, after an instruction
 * as long as the breakpoint's bias (or before any, where there is no bias), and
 * a SIGTRAP sent by somebody would look like a hit.  Worth a request only if
 * the program does something with SIGTRAP.  A hit that found one pending shows
 * that one's information.
 */
static bool may_be_sent(const struct engine_task *t, const struct site *s)
{
	const struct engine_process *p = process_impl(t->pub.proc);

	return (s->insn_len == arch_bp_pc_bias || !arch_bp_pc_bias) &&
	       (p->trap_caught || p->trap_ignored) && !signal_is_breakpoint(t->pub.tid) &&
	       !is_forced(t);
}

/* A trap that was on its way when its site went; not one the program has
 * there of its own. */
static bool is_stale(struct task *t, const struct site *s)
{
	uint8_t code[ARCH_INSN_MAX];

	if (!signal_is_breakpoint(t->tid))
		return false;
	return mem_read_raw(t->proc->as, s->addr, code, arch_bp_len) == arch_bp_len &&
	       memcmp(code, arch_bp, arch_bp_len) != 0;
}

/* By kill() and its kin, or for a breakpoint of the program's own. */
static bool is_sent(pid_t tid)
{
	siginfo_t si;

	return ptrace(PTRACE_GETSIGINFO, tid, NULL, &si) < 0 || si.si_code <= 0 ||
	       si.si_code == TRAP_BRKPT;
}

void signal_trap(struct engine *e, struct task *t, const struct event *ev)
{
	struct engine_task *impl = task_impl(t);
	struct site_entry *s;
	uint64_t pc;

	if (!task_pc(impl, &pc)) {
		task_vanished(impl);
		return;
	}
	s = site_lookup(t->proc->as, pc - arch_bp_pc_bias);
	if (s && s->pub.is_planted && !may_be_sent(impl, &s->pub)) {
		signal_repair_forced(e, impl, !s->pub.hits);
		if (t->state == TASK_STOPPED)
			site_hit(e, t, &s->pub);
	} else if (patch_trap(e, impl)) {
		e->stats.ring_traps++;
	} else if (s && !s->pub.is_planted && is_stale(t, &s->pub)) {
		signal_repair_forced(e, impl, false);
		if (t->state == TASK_STOPPED)
			task_pc_set(impl, s->pub.addr);
	} else if (impl->stray_step && !is_sent(t->tid)) {
		impl->stray_step = false;
	} else {
		if (e->is_watching)
			syscall_note_interrupt(e, impl, ev->sig);
		signal_deliver(e, t, ev->sig);
	}
	task_resume(impl);
}

/* --------------------------------------------------------------- delivery -- */

/* These signals carry the address of the instruction. */
static void fix_siginfo(struct task *t, int sig, uint64_t from, uint64_t to)
{
	siginfo_t si;

	if (sig != SIGILL && sig != SIGFPE && sig != SIGTRAP)
		return;
	if (ptrace(PTRACE_GETSIGINFO, t->tid, NULL, &si) < 0 || si.si_code <= 0)
		return;
	if ((uint64_t)si.si_addr != from)
		return;
	si.si_addr = (void *)to;
	ptrace(PTRACE_SETSIGINFO, t->tid, NULL, &si);
}

static void push_skip(struct engine_task *t, uint64_t addr, const struct arch_regs *r)
{
	if (t->n_skips == MAX_SKIPS) {
		memmove(t->skips, t->skips + 1, sizeof(t->skips[0]) * (MAX_SKIPS - 1));
		t->n_skips--;
	}
	t->skips[t->n_skips++] = (struct hit_skip){ addr, arch_sp(r), arch_regs_digest(r) };
}

static void leave_slot(struct task *t, int sig)
{
	struct aspace *as = t->proc->as;
	struct arch_regs *r;
	uint64_t pc, orig;

	if (!as->regions.n)
		return;
	r = task_regs(t);
	if (!r)
		return;
	pc = arch_pc(r);
	if (patch_contains(as, pc)) {
		patch_leave(t->engine, task_impl(t), sig);
		return;
	}
	if (!annex_contains(as, pc))
		return;
	orig = site_original_pc(as, pc);
	if (orig == pc) {
		as->annex_doubt = true; /* the frame will name the annex */
		return;
	}
	task_pc_set(task_impl(t), orig);
	fix_siginfo(t, sig, pc, orig);
	/* Told already; it will trap once more when the handler returns. */
	if (site_find(as, orig))
		push_skip(task_impl(t), orig, r);
}

void signal_deliver(struct engine *e, struct task *t, int sig)
{
	e->stats.signals++;
	leave_slot(t, sig);
	if (t->state != TASK_STOPPED) {
		task_impl(t)->signal_given = 0;
		return;
	}
	ring_forget_stack(task_impl(t)); /* its handler may have a stack of its own */
	if (!process_impl(t->proc)->is_silent && e->config.ops->signal)
		e->config.ops->signal(e->config.ctx, t, sig);
	t->resume_sig = task_impl(t)->signal_given == sig ? 0 : sig;
	task_impl(t)->signal_given = 0;
}

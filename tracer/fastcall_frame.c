/*
 * Signals for threads in the calls that trampolines make, where the kernel winds
 * an interrupted call back before the signal's stop shows (aarch64).
 *
 * Whether the call was made yet, and whether it is made again behind the handler,
 * can't be seen there: the kernel decides as it makes the handler's frame, and
 * only if the thread is where the call was made.  So it goes on there, by a step
 * that ends before the handler has run an instruction, and then the frame tells:
 * it comes to name the original place, as handlers and unwinders want, and the
 * return of a call that fails is told of.
 *
 * And calls of threads that can have no ring.
 */
#include <signal.h>
#include <sys/ptrace.h>

#include "engine_impl.h"
#include "patch.h"

static bool frame_word(struct aspace *as, uint64_t at, uint64_t *ret)
{
	return mem_read_raw(as, at, ret, sizeof(*ret)) == sizeof(*ret);
}

/* The frame of the thread that stands before its handler. */
static void put_frame_right(struct engine *e, struct engine_task *t, const struct patch *p,
			    const struct arch_regs *before, unsigned nr)
{
	const struct arch_patch_plan *plan = &p->tramp.plan;
	struct aspace *as = t->pub.proc->as;
	const struct arch_regs *r = task_regs(&t->pub);
	uint64_t pc_at, result_at, pc, result,
		behind = plan->addr + plan->insn[plan->site_insn + 1];

	if (!r || !arch_call_frame(r, &pc_at, &result_at) || !frame_word(as, pc_at, &pc) ||
	    !frame_word(as, result_at, &result))
		return;
	if (pc == arch_pc(before)) {
		struct again_call c = { .nr = nr, .pc = behind, .sp = arch_sp(before) };

		mem_write_raw(as, pc_at, &plan->site, sizeof(plan->site));
		restart_leave(t, &c);
	} else if (fastcall_contains(as, pc)) {
		mem_write_raw(as, pc_at, &behind, sizeof(behind));
		syscall_tell_return(e, t, nr, (int64_t)result);
	}
}

void fastcall_enter_handler(struct engine *e, struct engine_task *t, const struct patch *p,
			    unsigned nr, int sig)
{
	const struct arch_regs *r = task_regs(&t->pub);
	struct arch_regs before;
	siginfo_t si;
	bool has_info = ptrace(PTRACE_GETSIGINFO, t->pub.tid, NULL, &si) == 0;

	if (!r)
		return;
	before = *r;
	t->signal_given = sig;
	if (!task_step_with(e, t, sig)) {
		/* Another thread has changed what the signal does: the step's end is to come. */
		t->stray_step = t->pub.state == TASK_RUNNING;
		return;
	}
	/* Who looks at the signal finds it. */
	if (has_info)
		ptrace(PTRACE_SETSIGINFO, t->pub.tid, NULL, &si);
	put_frame_right(e, t, p, &before, nr);
}

bool fastcall_without_ring(struct engine *e, struct engine_task *t, const struct patch *p,
			   struct arch_regs *r, const struct arch_tramp_place *place)
{
	const struct arch_patch_plan *plan = &p->tramp.plan;

	if (!p->tramp.n_calls)
		return false;
	if (place->stage == ARCH_CALL_MADE) {
		syscall_tell_return(e, t, place->nr, arch_syscall_result(r));
		arch_set_pc(r, plan->addr + plan->insn[plan->site_insn + 1]);
	} else {
		/* The plain copy's call stops, and is told of then. */
		arch_set_pc(r, p->tramp.base + p->tramp.copy[plan->site_insn]);
	}
	return true;
}

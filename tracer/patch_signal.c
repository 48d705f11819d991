/*
 * Stops in trampolines and in patched bytes: traps of full rings, faults of our
 * own loads, arrivals in the middle of a patch, and signals that are about to be
 * delivered to a thread in a trampoline.  See patch.h.
 *
 * Rules:
 *  - a stop that isn't ours is left alone: what the kernel did not send is the
 *    program's;
 *  - a handler sees the original code where that can be had.
 */
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>

#include "engine_impl.h"
#include "patch.h"
#include "procfs.h"

#define PARTIAL_STEPS 4096
#define ARRIVALS_MAX 256

/*
 * Code that nobody could tell of (a table of jumps) goes on where the patch has
 * its middle, and each time costs a stop, be the probe ever so idle: then the
 * sites had better be breakpoints.
 */
static void count_arrival(struct engine *e, struct aspace *as, uint64_t pc)
{
	const struct patch_span *s = patch_span_at(as, pc, pc + 1, 0);
	struct error *err;

	if (!s || !s->patch->sites.n || ++s->patch->n_arrivals < ARRIVALS_MAX)
		return;
	err = engine_stop_world(e, as);
	if (!err) {
		patch_undo(e, as, s->patch);
		guardian_sync(e);
		engine_resume_world(e, as);
		e->stats.patches_given_up++;
	}
	error_destroy(err);
}

/*
 * A thread that can have no ring: what the trampoline is for is done as at a
 * breakpoint.  Without a ring it has left nothing, so all of it is.
 */
static void fire_at_sites(struct engine *e, struct engine_task *t, const struct patch *p)
{
	struct site *sites[ARCH_DISPLACED_MAX + 1];
	struct arch_regs *now = task_regs(&t->pub), r;
	struct arch_tramp_place place;
	size_t n = p->sites.n < ARRAY_SIZE(sites) ? p->sites.n : ARRAY_SIZE(sites);

	if (!now)
		return;
	r = *now;
	if (!patch_unwind(t->pub.proc->as, &t->pub, &r, &place))
		return;
	fastcall_without_ring(e, t, p, &r, &place);
	*now = r;
	task_regs_changed(&t->pub);
	if (n)
		memcpy(sites, p->sites.items, n * sizeof(sites[0]));
	for (size_t i = 0; i < n && t->pub.state == TASK_STOPPED; i++)
		site_hit(e, &t->pub, sites[i]);
}

bool patch_is_trap(struct engine_task *t, const struct arch_regs *r)
{
	uint64_t pc = arch_pc(r) - arch_bp_pc_bias, check;
	const struct patch *p =
		t->pub.proc->as->code.n ? patch_by_tramp(t->pub.proc->as, pc) : NULL;

	return p && (arch_tramp_trap(&p->tramp, pc, &check) || arch_tramp_is_stop(&p->tramp, pc));
}

bool patch_trap(struct engine *e, struct engine_task *t)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_regs *r = task_regs(&t->pub);
	uint64_t pc, check, to;
	struct patch *p;

	if (!r || !as->code.n)
		return false;
	pc = arch_pc(r) - arch_bp_pc_bias;
	p = patch_by_tramp(as, pc);
	if (p && arch_tramp_trap(&p->tramp, pc, &check)) {
		signal_repair_forced(e, t, !t->ring);
		if (t->pub.state == TASK_STOPPED && as->rings)
			ring_want(e, t);
		if (t->pub.state == TASK_STOPPED && !anchor_renew(t))
			fire_at_sites(e, t, p);
		/* A repair may have moved it. */
		else if (t->pub.state == TASK_STOPPED && task_regs(&t->pub))
			task_pc_set(t, check);
		return true;
	}
	if (p && arch_tramp_is_stop(&p->tramp, pc)) {
		signal_repair_forced(e, t, false);
		if (t->pub.state == TASK_STOPPED)
			patch_tell(e, t, p, pc);
		return true;
	}
	to = patch_arrival(as, pc);
	if (!to)
		return false;
	signal_repair_forced(e, t, false);
	if (t->pub.state == TASK_STOPPED && task_regs(&t->pub))
		task_pc_set(t, to);
	count_arrival(e, as, pc);
	return true;
}

static bool is_from_kernel(pid_t tid)
{
	siginfo_t si;

	return ptrace(PTRACE_GETSIGINFO, tid, NULL, &si) == 0 && si.si_code > 0;
}

bool patch_fault(struct engine *e, struct engine_task *t, int sig)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_regs *r;
	const struct code_region *c;
	uint64_t to = 0, pc;

	if (!as->code.n || (sig != SIGSEGV && sig != SIGBUS && sig != SIGILL))
		return false;
	r = task_regs(&t->pub);
	if (!r)
		return false;
	c = patch_region_of(as, arch_pc(r));
	if (c && sig != SIGILL) {
		const struct patch *p = patch_by_tramp(as, arch_pc(r));

		to = arch_tramp_fixup(p ? &p->tramp : NULL, c->lo, arch_pc(r));
	} else if (!c)
		to = patch_arrival(as, arch_pc(r));
	if (!to || !is_from_kernel(t->pub.tid))
		return false;
	pc = arch_pc(r);
	task_pc_set(t, to);
	if (!c)
		count_arrival(e, as, pc);
	return true;
}

bool patch_emergency_fault(struct engine_task *t, const struct arch_regs *r, int sig)
{
	struct aspace *as = t->pub.proc->as;
	const struct code_region *c = patch_region_of(as, arch_pc(r));
	const struct patch *p = c ? patch_by_tramp(as, arch_pc(r)) : NULL;
	uint64_t pc = arch_pc(r), to = 0;

	if (c && sig != SIGTRAP)
		to = arch_tramp_fixup(p ? &p->tramp : NULL, c->lo, pc);
	else if (!c && sig == SIGTRAP && patch_arrival(as, pc - arch_bp_pc_bias))
		to = pc - arch_bp_pc_bias;
	else if (!c && (sig == SIGILL || sig == SIGSEGV) && patch_arrival(as, pc))
		to = pc;
	if (!to || !is_from_kernel(t->pub.tid))
		return false;
	arch_pc_write(t->pub.tid, to);
	return true;
}

/* Some of the firing's clauses are done: the rest, step by step. */
static bool finish_firing(struct engine *e, struct engine_task *t)
{
	struct arch_tramp_place place;

	for (int i = 0; i < PARTIAL_STEPS; i++) {
		struct arch_regs *now = task_regs(&t->pub), r;

		if (!now)
			return false;
		r = *now;
		if (!patch_unwind(t->pub.proc->as, &t->pub, &r, &place))
			return false;
		if (place.phase != ARCH_TRAMP_PARTIAL)
			return true;
		if (!task_step(e, t))
			return false;
	}
	return false;
}

static bool is_fault_signal(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGTRAP;
}

/*
 * Who comes back to the middle of a patch needs us to go on.  Where we might be
 * killed meanwhile, the frame names the same place in the trampoline; it will
 * look for its ring there even after we let go.
 */
static void stay_safe(struct engine *e, struct aspace *as, struct arch_regs *r, uint64_t orig)
{
	uint64_t to = patch_arrival(as, orig);
	const struct patch_span *s = patch_span_at(as, orig, orig + 1, 0);

	if (!to || orig == s->lo || !ring_may_outlive(e, as))
		return;
	arch_set_pc(r, to);
	as->annex_doubt = as->anchor_doubt = true;
}

void patch_leave(struct engine *e, struct engine_task *t, int sig)
{
	struct aspace *as = t->pub.proc->as;
	struct arch_tramp_place place;
	struct arch_regs *now = task_regs(&t->pub), r;
	bool is_fault = is_fault_signal(sig) && is_from_kernel(t->pub.tid);

	if (!now)
		return;
	r = *now;
	if (!patch_unwind(as, &t->pub, &r, &place))
		return;
	if (place.phase == ARCH_TRAMP_PARTIAL) {
		siginfo_t si;
		bool has_info = ptrace(PTRACE_GETSIGINFO, t->pub.tid, NULL, &si) == 0;

		finish_firing(e, t);
		if (has_info)
			ptrace(PTRACE_SETSIGINFO, t->pub.tid, NULL, &si);
		now = task_regs(&t->pub);
		if (!now)
			return;
		r = *now;
		if (!patch_unwind(as, &t->pub, &r, &place))
			return;
	}
	if (place.phase == ARCH_TRAMP_BEFORE && t->ring && place.reserve) {
		ring_drain(e);
		arch_ring_take_back(t->ring->hdr, t->ring->data, t->ring->tail, t->ring->size,
				    place.reserve);
	}
	if (place.stage && place.phase != ARCH_TRAMP_PARTIAL) {
		if (fastcall_leave(e, t, &r, &place, sig)) {
			*now = r;
			task_regs_changed(&t->pub);
		}
		return;
	}
	switch (place.phase) {
	case ARCH_TRAMP_BEFORE: stay_safe(e, as, &r, place.orig); break;
	case ARCH_TRAMP_COPY:
		/* Who handles it may look the address up. */
		if (is_fault && place.orig)
			arch_set_pc(&r, place.orig);
		else
			as->annex_doubt = true;
		break;
	default: as->annex_doubt = true;
	}
	if (place.phase == ARCH_TRAMP_PARTIAL)
		return;
	*now = r;
	task_regs_changed(&t->pub);
}

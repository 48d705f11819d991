/*
 * Hits of the record tier that the tracer must tell after all: a clause asks
 * for a stack that no record has room for, or whose end isn't known.
 *
 * The trampoline has left nothing of the firing yet, so the thread is put back
 * to the site, where the hit is one of a breakpoint.
 */
#include "engine_impl.h"

/* The registers as they are at the site; false: they can't be had. */
static bool put_back(struct engine_task *t, struct patch *p, uint64_t pc, uint64_t *orig)
{
	struct arch_regs *now = task_regs(&t->pub), r;
	struct arch_tramp_place place;

	if (!now)
		return false;
	r = *now;
	arch_set_pc(&r, pc);
	if (!patch_unwind(t->pub.proc->as, &t->pub, &r, &place) ||
	    place.phase != ARCH_TRAMP_BEFORE || !place.orig)
		return false;
	*orig = place.orig;
	/* Before a landing pad that stays is as good, and where a breakpoint may be. */
	if (arch_patch_insn(&p->tramp.plan, place.orig) == p->tramp.plan.site_insn)
		arch_set_pc(&r, p->tramp.plan.site);
	*now = r;
	task_regs_changed(&t->pub);
	return true;
}

void patch_tell(struct engine *e, struct engine_task *t, struct patch *p, uint64_t pc)
{
	const struct arch_patch_plan *plan = &p->tramp.plan;
	struct arch_regs at;
	uint64_t orig;
	int k;

	if (!put_back(t, p, pc, &orig))
		return; /* as it is: the hit is counted as lost */
	e->stats.stack_stops++;
	at = *task_regs(&t->pub);
	ring_welcome(e, t);
	ring_learn_stack(e, t, &at);
	k = arch_patch_insn(plan, orig);
	/* Undone meanwhile: what is there now sees to it. */
	for (size_t i = 0; i < p->sites.n && p->is_live; i++) {
		struct site *s = p->sites.items[i];

		if (arch_patch_insn(plan, s->addr) != k || t->pub.state != TASK_STOPPED)
			continue;
		site_hit(e, &t->pub, s);
	}
}

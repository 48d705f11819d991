/*
 * Where a thread's stack ends, as its ring has it for copies in records, and
 * hits that the tracer must tell after all: a clause asks for a stack that no
 * record has room for, or whose end isn't known.
 *
 * The trampoline has left nothing of such a firing yet, so the thread is put
 * back to the site, where the hit is one of a breakpoint.
 */
#include "engine_impl.h"

/*
 * Looking costs a walk: where stacks change all the time that must not be at
 * each hit, which is exact without.
 */
#define STACK_RESPITE 8

void ring_learn_stack(struct engine *e, struct engine_task *t, const struct arch_regs *r)
{
	struct ring *ring = t->ring;
	uint64_t now = engine_now(), sp = arch_sp(r), lo = 0;

	if (!ring || ring->stack.is_odd || !e->config.ops->stack_end ||
	    process_impl(t->pub.proc)->is_silent)
		return;
	/* It is this one, but deep. */
	if (ring->hdr->stack_end && sp >= ring->stack.lo && sp < ring->stack.end)
		return;
	if (now - ring->stack.looked < STACK_RESPITE * ring->stack.cost)
		return;
	ring->stack.end = e->config.ops->stack_end(e->config.ctx, &t->pub, r, &lo);
	ring->stack.lo = lo;
	ring->stack.looked = engine_now();
	ring->stack.cost = ring->stack.looked - now;
	ring->hdr->stack_end = ring->stack.end;
}

void engine_stack_odd(struct task *t)
{
	struct ring *ring = task_impl(t)->ring;

	if (!ring)
		return;
	ring->stack.is_odd = true;
	ring->hdr->stack_end = 0;
}

void ring_forget_stack(struct engine_task *t)
{
	if (t->ring)
		t->ring->hdr->stack_end = 0;
}

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

	if (!put_back(t, p, pc, &orig)) {
		task_pc_set(t, pc + arch_bp_len); /* the hit is counted as lost */
		return;
	}
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

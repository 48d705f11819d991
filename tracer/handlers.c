/*
 * Where signals' handlers go back to.
 *
 * A thread that was interrupted where a patch is made comes back to the middle of
 * it.  With us there that is a fault that we see to; a target that may outlive us
 * needs a way that is always there: the frame's pc becomes the instruction's place
 * in the trampoline.  Rules:
 *  - frames are found by what the kernel leaves beside the pc (arch_sigframe_at()),
 *    upwards from sp, and from each sp that a frame was made at, for handlers may
 *    have stacks of their own;
 *  - what was found holds while the address space is stopped.
 */
#include <stdlib.h>

#include "engine_impl.h"
#include "procfs.h"

#define STACKS_MAX 8 /* of a thread, that are looked at */
#define BYTES_MAX (UINT64_C(16) << 20) /* of each */
#define CHUNK_WORDS 4096u

struct stacks {
	struct aspace *as;
	struct arch_span items[STACKS_MAX];
	unsigned n;
	VEC(struct arch_span) maps; /* what can be written */
	bool no_memory;
};

static void add_map(void *arg, const struct procfs_map *m)
{
	struct stacks *s = arg;
	struct arch_span span = { m->lo, m->hi };

	if (m->r && m->w && !vec_push(&s->maps, span))
		s->no_memory = true;
}

/* From sp to the end of its mapping, if that is a new one. */
static void add_stack(struct stacks *s, uint64_t sp)
{
	struct arch_span span = { sp & ~UINT64_C(7), 0 };

	for (size_t i = 0; i < s->maps.n && !span.hi; i++)
		if (sp - s->maps.items[i].lo < s->maps.items[i].hi - s->maps.items[i].lo)
			span.hi = s->maps.items[i].hi;
	for (unsigned i = 0; i < s->n; i++) {
		if (span.lo - s->items[i].lo < s->items[i].hi - s->items[i].lo)
			return;
		if (s->items[i].lo - span.lo < span.hi - span.lo)
			span.hi = s->items[i].lo;
	}
	if (!span.hi || s->n == STACKS_MAX)
		return;
	if (span.hi - span.lo > BYTES_MAX)
		span.hi = span.lo + BYTES_MAX;
	s->items[s->n++] = span;
}

static void look_at(struct stacks *s, uint64_t addr, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		struct saved_pc found = { addr + 8 * (i + 1), words[i + 1] };

		if (!arch_sigframe_at(words + i, n - i))
			continue;
		add_stack(s, words[i]);
		if (!vec_push(&s->as->saved_pcs, found))
			s->no_memory = true;
	}
}

static void look_through(struct stacks *s, struct arch_span span)
{
	static uint64_t words[CHUNK_WORDS];
	uint64_t at = span.lo;

	while (at < span.hi) {
		uint64_t len = span.hi - at < sizeof(words) ? span.hi - at : sizeof(words);
		size_t n = mem_read_raw(s->as, at, words, len) / 8;

		look_at(s, at, words, n);
		if (n * 8 < len || at + len >= span.hi)
			return;
		at += len - ARCH_SIGFRAME_WORDS * 8; /* one may be across the end */
	}
}

bool handlers_find(struct engine *e, struct aspace *as)
{
	struct stacks s = { .as = as };

	handlers_forget(as);
	if (!arch_patch_has_middle || !ring_may_outlive(e, as))
		return true;
	for (struct engine_task *t = e->tasks; t; t = t->next) {
		struct arch_regs *r;

		if (!task_is_of(t, as) || t->pub.state != TASK_STOPPED)
			continue;
		r = task_regs(&t->pub);
		if (!s.maps.n && !procfs_each_map(t->pub.tid, add_map, &s))
			break;
		s.n = 0;
		if (r)
			add_stack(&s, arch_sp(r));
		for (unsigned i = 0; i < s.n; i++)
			look_through(&s, s.items[i]);
	}
	vec_deinit(&s.maps);
	return !s.no_memory;
}

void handlers_forget(struct aspace *as)
{
	vec_deinit(&as->saved_pcs);
}

void handlers_move(struct aspace *as, const struct patch *p)
{
	const struct arch_patch_plan *plan = &p->tramp.plan;

	for (size_t i = 0; i < as->saved_pcs.n; i++) {
		struct saved_pc *s = &as->saved_pcs.items[i];
		uint64_t to = 0;

		if (s->pc > plan->addr && s->pc < plan->addr + plan->len)
			to = arch_tramp_arrival(&p->tramp, s->pc);
		if (!to || mem_write_raw(as, s->at, &to, sizeof(to)) != sizeof(to))
			continue;
		s->pc = to;
		as->annex_doubt = as->anchor_doubt = true;
	}
}

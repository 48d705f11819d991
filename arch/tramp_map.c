/*
 * Notes of a trampoline being made, and looking things up in its map
 * (tramp_map.h).
 *
 * Rule: nothing here knows a machine register or how a frame lies on the stack.
 */
#include "tramp_map.h"

#include <stdlib.h>
#include <string.h>

#include "near_look.h"

const char arch_tramp_no_room[] = "the trampoline does not fit";

/* -------------------------------------------------------------- blocks -- */

const char *tramp_check_firings(const struct arch_tramp_job *job)
{
	unsigned insn = 0;

	for (uint32_t i = 0; i < job->n_firings; i++) {
		const struct arch_tramp_firing *f = &job->firings[i];
		const char *why;

		if (f->insn < insn || f->insn >= job->plan->n_insns)
			return "the firings are not in order";
		insn = f->insn;
		why = near_refuse_any(f);
		if (why)
			return why;
	}
	return NULL;
}

struct tramp_block tramp_next_block(const struct arch_tramp_job *job, uint32_t i)
{
	const struct arch_tramp_firing *f = job->firings;
	struct tramp_block b = { .first = i, .end = i + 1 };

	while (b.end < job->n_firings && f[b.end].insn == f[i].insn &&
	       f[b.end].taken_only == f[i].taken_only)
		b.end++;
	b.is_later = i > 0 && f[i - 1].insn == f[i].insn;
	b.has_more = b.end < job->n_firings && f[b.end].insn == f[i].insn;
	return b;
}

uint32_t tramp_count_clauses(const struct arch_tramp_job *job, const struct tramp_block *b)
{
	uint32_t n = 0;

	for (uint32_t i = b->first; i < b->end; i++)
		n += job->firings[i].n_clauses;
	return n;
}

bool tramp_needs_first(const struct arch_tramp_firing *f)
{
	return f->n_clauses > 1;
}

/* --------------------------------------------------------------- notes -- */

void tramp_notes_deinit(struct tramp_notes *n)
{
	vec_deinit(&n->ranges);
	vec_deinit(&n->frames);
	vec_deinit(&n->fixups);
	vec_deinit(&n->traps);
	vec_deinit(&n->stops);
}

bool tramp_note_range(struct tramp_notes *n, const struct arch_tramp_range *now)
{
	struct arch_tramp_range *last = n->ranges.n ? &n->ranges.items[n->ranges.n - 1] : NULL;

	if (!last || last->off != now->off)
		return vec_push(&n->ranges, *now);
	*last = *now;
	return true;
}

bool tramp_note_fixup(struct tramp_notes *n, uint32_t off, uint32_t label)
{
	struct arch_tramp_pair pair = { off, label };

	return vec_push(&n->fixups, pair);
}

bool tramp_note_frame(struct tramp_notes *n, const struct arch_tramp_frame *f, uint8_t *ret)
{
	if (n->frames.n > UINT8_MAX || !vec_push(&n->frames, *f))
		return false;
	*ret = (uint8_t)(n->frames.n - 1);
	return true;
}

/* Labels of fix-ups and traps to offsets. */
static void settle(const uint32_t *labels, struct arch_tramp_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pairs[i].to = labels[pairs[i].to];
}

void tramp_notes_hand_over(struct tramp_notes *n, const uint32_t *labels, struct arch_tramp *t)
{
	settle(labels, n->fixups.items, n->fixups.n);
	settle(labels, n->traps.items, n->traps.n);
	t->n_ranges = (uint32_t)n->ranges.n;
	t->n_frames = (uint32_t)n->frames.n;
	t->n_fixups = (uint32_t)n->fixups.n;
	t->n_traps = (uint32_t)n->traps.n;
	t->n_stops = (uint32_t)n->stops.n;
	t->stops = take_ptr(n->stops.items);
	t->ranges = take_ptr(n->ranges.items);
	t->frames = take_ptr(n->frames.items);
	t->fixups = take_ptr(n->fixups.items);
	t->traps = take_ptr(n->traps.items);
}

void arch_tramp_deinit(struct arch_tramp *t)
{
	free(t->ranges);
	free(t->frames);
	free(t->fixups);
	free(t->traps);
	free(t->stops);
	*t = (struct arch_tramp){ .len = 0 };
}

/* -------------------------------------------------------------- lookup -- */

bool tramp_in_common(uint64_t common, uint64_t pc)
{
	size_t len;

	arch_record_common(&len);
	return common && pc - common < len;
}

uint64_t arch_tramp_fixup(const struct arch_tramp *t, uint64_t common, uint64_t pc)
{
	uint32_t fix;

	if (tramp_in_common(common, pc)) {
		fix = tramp_common_fixup(pc - common);
		return fix ? common + fix : 0;
	}
	for (uint32_t i = 0; t && i < t->n_fixups; i++)
		if (pc == t->base + t->fixups[i].off)
			return t->base + t->fixups[i].to;
	return 0;
}

bool arch_tramp_trap(const struct arch_tramp *t, uint64_t pc, uint64_t *ret)
{
	for (uint32_t i = 0; i < t->n_traps; i++) {
		if (pc != t->base + t->traps[i].off)
			continue;
		*ret = t->base + t->traps[i].to;
		return true;
	}
	return false;
}

bool arch_tramp_is_stop(const struct arch_tramp *t, uint64_t pc)
{
	for (uint32_t i = 0; i < t->n_stops; i++)
		if (pc == t->base + t->stops[i])
			return true;
	return false;
}

uint64_t arch_tramp_arrival(const struct arch_tramp *t, uint64_t pc)
{
	for (unsigned k = 0; k < t->plan.n_insns; k++)
		if (pc == t->plan.addr + t->plan.insn[k])
			return t->base + t->arrival[k];
	return 0;
}

const struct arch_tramp_range *tramp_find_range(const struct arch_tramp *t, uint64_t off)
{
	uint32_t lo = 0, hi = t->n_ranges;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->ranges[mid].off <= off)
			lo = mid;
		else
			hi = mid;
	}
	return hi ? &t->ranges[lo] : NULL;
}

const uint64_t *tramp_stack_head(const struct dl_record *rec, unsigned n, struct arch_stack *ret)
{
	uint64_t at, first = sizeof(*rec) + 8 * (uint64_t)rec->n_slots;
	const uint64_t *head;

	if (rec->n_slots > NEAR_SLOTS_MAX || rec->len < first + 8 * (n + 1))
		return NULL;
	memcpy(&at, (const uint8_t *)rec + rec->len - 8, sizeof(at));
	if (at % 8 || at < first || at > rec->len - 8 * (n + 1))
		return NULL;
	head = (const uint64_t *)(const void *)((const uint8_t *)rec + at);
	*ret = (struct arch_stack){
		.at_entry = head[1] != 0,
		.lo = head[n - 1],
		.bytes = (const uint8_t *)&head[n],
		.len = rec->len - at - 8 * (n + 1),
	};
	return head;
}

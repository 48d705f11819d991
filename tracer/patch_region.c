/*
 * Memory for trampolines: regions within a jump's reach of the text, and the
 * free pieces of them.  See patch.h.
 */
#include "patch.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine_impl.h"
#include "procfs.h"

#define MIB (UINT64_C(1) << 20)
#define REGION_BYTES (8 * MIB)
#define COMMON_ROOM 4096u
#define SPANS_TRIED 24u
#define SPANS_MAX 96u
#define SPAN_MIN 64u
#define WINDOW (64 * MIB)

static const char out_of_reach[] = "no place within reach for its trampoline";

static bool take_span(struct code_region *c, size_t i, uint64_t at, size_t size)
{
	struct arch_span *s = &c->free.items[i], rest = { at + size, s->hi };

	s->hi = at;
	if (rest.hi - rest.lo >= SPAN_MIN) {
		if (s->hi - s->lo < SPAN_MIN) {
			*s = rest;
			return true;
		}
		return vec_push(&c->free, rest);
	}
	if (s->hi - s->lo < SPAN_MIN)
		c->free.items[i] = c->free.items[--c->free.n];
	return true;
}

/* Many small pieces cost more than they are worth. */
static void drop_small(struct code_region *c)
{
	size_t kept = 0;

	if (c->free.n <= SPANS_MAX)
		return;
	for (size_t i = 0; i < c->free.n; i++)
		if (c->free.items[i].hi - c->free.items[i].lo >= 16 * SPAN_MIN)
			c->free.items[kept++] = c->free.items[i];
	c->free.n = kept;
}

static bool place_in(struct code_region *c, const struct arch_patch_plan *p, size_t size,
		     uint64_t *ret)
{
	size_t n = c->free.n;

	/* The newest pieces are the largest ones. */
	for (size_t k = 0; k < n && k < SPANS_TRIED; k++) {
		const struct arch_span *s = &c->free.items[n - 1 - k];

		if (!arch_patch_find_slot(p, s->lo, s->hi, size, ret))
			continue;
		if (!take_span(c, n - 1 - k, *ret, size))
			return false;
		drop_small(c);
		return true;
	}
	return false;
}

struct code_region *patch_region_create(struct aspace *as, uint64_t lo, uint64_t size)
{
	struct code_region *c = calloc(1, sizeof(*c));
	struct arch_span all = { lo + COMMON_ROOM, lo + size };

	if (!c)
		return NULL;
	c->lo = lo;
	c->size = size;
	if (!vec_push(&c->free, all) || !vec_push(&as->code, c)) {
		vec_deinit(&c->free);
		free(c);
		return NULL;
	}
	return c;
}

static const char *map_region(struct engine *e, struct aspace *as, uint64_t lo, uint64_t bytes)
{
	size_t len;
	const uint8_t *common = arch_record_common(&len);
	struct error *err = annex_map_at(e, as, lo, bytes);

	if (err) {
		snprintf(as->refused_why, sizeof(as->refused_why), "%s", err->message);
		error_destroy(err);
		return as->refused_why;
	}
	if (len > COMMON_ROOM || mem_write_raw(as, lo, common, len) != len)
		return "the trampolines' memory can't be written";
	return patch_region_create(as, lo, bytes) ? NULL : "out of memory";
}

/* A new region of which a part in [lo, hi) suits the plan; NULL: mapped. */
static const char *try_window(struct engine *e, struct aspace *as, const struct arch_patch_plan *p,
			      size_t size, uint64_t lo, uint64_t hi)
{
	struct engine_task *t = aspace_task(as, true);
	uint64_t at, gap;

	if (!t || !arch_patch_find_slot(p, lo, hi, size, &at))
		return "";
	lo = at > REGION_BYTES / 2 ? at - REGION_BYTES / 2 : 0;
	gap = procfs_find_gap(t->pub.tid, at, lo, at + 2 * REGION_BYTES, REGION_BYTES);
	if (!gap ||
	    !arch_patch_find_slot(p, gap + COMMON_ROOM, gap + REGION_BYTES, size + SPAN_MIN, &at))
		return "";
	return map_region(e, as, gap, REGION_BYTES);
}

/* Near below, near above, then ever farther. */
static const char *add_region(struct engine *e, struct aspace *as, const struct arch_patch_plan *p,
			      size_t size)
{
	uint64_t from = p->jump;

	for (uint64_t far = 0; far < arch_reach; far += WINDOW) {
		const char *why = "";

		if (from > far)
			why = try_window(e, as, p, size,
					 from - far > WINDOW ? from - far - WINDOW : 0, from - far);
		if (why && !*why)
			why = try_window(e, as, p, size, from + far, from + far + WINDOW);
		if (!why || *why)
			return why;
	}
	return out_of_reach;
}

/* The text's surroundings are full but for holes: a small region in the nearest. */
static const char *add_small_region(struct engine *e, struct aspace *as,
				    const struct arch_patch_plan *p, size_t size)
{
	/* The last: a page of trampolines behind the common code. */
	static const uint64_t bytes[] = { MIB / 2, MIB / 16, 4 * COMMON_ROOM, 2 * COMMON_ROOM };
	struct engine_task *t = aspace_task(as, true);
	uint64_t from = p->jump, lo = from > arch_reach ? from - arch_reach : 0, gap = 0, at;

	/* Looking is dear, and where there was none, none will be. */
	if (!t || (as->crowded && from - as->crowded + WINDOW < 2 * WINDOW))
		return out_of_reach;
	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
		gap = procfs_find_gap(t->pub.tid, from, lo, from + arch_reach, bytes[i]);
		if (gap && arch_patch_find_slot(p, gap + COMMON_ROOM, gap + bytes[i],
						size + SPAN_MIN, &at))
			return map_region(e, as, gap, bytes[i]);
	}
	if (!gap)
		as->crowded = from;
	return out_of_reach;
}

const char *patch_place_find(struct engine *e, struct aspace *as, const struct arch_patch_plan *p,
			     size_t size, struct code_region **region, uint64_t *ret)
{
	const char *why;

	for (int attempt = 0; attempt < 2; attempt++) {
		for (size_t i = as->code.n; i-- > 0;) {
			*region = as->code.items[i];
			if (place_in(*region, p, size, ret))
				return NULL;
		}
		why = attempt ? out_of_reach : add_region(e, as, p, size);
		if (why == out_of_reach && !attempt)
			why = add_small_region(e, as, p, size);
		if (why)
			return why;
	}
	return why;
}

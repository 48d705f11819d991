/*
 * Speculations: buffers of trace entries whose fate is not yet decided.
 *
 *	          speculation()           commit(), discard()
 *	INACTIVE ---------------> ACTIVE ---------------------> INACTIVE
 *
 * One thread interprets all firings, so the intermediate states of a system
 * with buffers per CPU (committing, discarding) take no time here, and an id
 * is free again at once.  A buffer's memory is made when it is first used and
 * kept for the next speculation with that id.  specsize is meant in records of
 * the classic layout, so entries count with what they would take there; they
 * really take at most some ten times as much.
 */
#include "state_impl.h"

#include <stdlib.h>
#include <string.h>

#define NSPEC_MAX ((uint64_t)1 << 20)
#define GROWTH_MIN ((uint64_t)4096)

struct speculation {
	bool is_active;
	bool wants_consumer;
	uint8_t *data;
	uint64_t used, cap;
	uint64_t cost; /* of what is in it, by the limit's sizes */
};

struct dl_spec {
	uint64_t limit; /* bytes each */
	uint32_t n;
	struct speculation all[]; /* [id - 1] */
};

struct dl_spec *dl_spec_create(uint64_t nspec, uint64_t specsize)
{
	uint64_t n = nspec < NSPEC_MAX ? nspec : NSPEC_MAX;
	struct dl_spec *sp = calloc(1, sizeof(*sp) + (size_t)n * sizeof(sp->all[0]));

	if (!sp)
		return NULL;
	sp->n = (uint32_t)n;
	sp->limit = specsize;
	return sp;
}

void dl_spec_destroy(struct dl_spec *sp)
{
	if (!sp)
		return;
	for (uint32_t i = 0; i < sp->n; i++)
		free(sp->all[i].data);
	free(sp);
}

uint32_t dl_spec_new(struct dl_spec *sp)
{
	for (uint32_t i = 0; i < sp->n; i++) {
		if (sp->all[i].is_active)
			continue;
		sp->all[i].is_active = true;
		sp->all[i].used = sp->all[i].cost = 0;
		sp->all[i].wants_consumer = false;
		return i + 1;
	}
	return 0;
}

bool dl_spec_exists(const struct dl_spec *sp, uint64_t id)
{
	return id >= 1 && id <= sp->n;
}

bool dl_spec_is_active(const struct dl_spec *sp, uint64_t id)
{
	return dl_spec_exists(sp, id) && sp->all[id - 1].is_active;
}

bool dl_spec_has_room(const struct dl_spec *sp, uint64_t id, uint32_t cost)
{
	return dl_spec_is_active(sp, id) && sp->all[id - 1].cost + cost <= sp->limit;
}

static bool reserve(struct speculation *s, uint64_t need)
{
	uint64_t cap = s->cap ? s->cap * 2 : GROWTH_MIN;

	if (need <= s->cap)
		return true;
	if (cap < need)
		cap = need;
	uint8_t *data = realloc(s->data, (size_t)cap);

	if (!data)
		return false;
	s->data = data;
	s->cap = cap;
	return true;
}

bool dl_spec_append(struct dl_spec *sp, uint32_t id, const struct dl_entry *e, uint32_t cost,
		    bool consume)
{
	if (!dl_spec_is_active(sp, id))
		return true; /* discarded in this very clause */
	struct speculation *s = &sp->all[id - 1];

	if (!dl_spec_has_room(sp, id, cost) || !reserve(s, s->used + e->size))
		return false;
	memcpy(s->data + s->used, e, e->size);
	s->used += e->size;
	s->cost += cost;
	s->wants_consumer |= consume;
	return true;
}

bool dl_spec_commit(struct dl_spec *sp, uint32_t id, struct dl_trace *t)
{
	if (!dl_spec_is_active(sp, id))
		return false;
	struct speculation *s = &sp->all[id - 1];
	const struct dl_entry *e;

	for (uint64_t at = 0; at < s->used; at += e->size) {
		e = (const struct dl_entry *)(const void *)(s->data + at);
		dl_trace_put(t, e);
	}
	s->is_active = false;
	s->used = 0;
	return s->wants_consumer;
}

void dl_spec_discard(struct dl_spec *sp, uint32_t id)
{
	if (dl_spec_is_active(sp, id)) {
		sp->all[id - 1].is_active = false;
		sp->all[id - 1].used = 0;
	}
}

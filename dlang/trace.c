/*
 * The trace buffer: see trace.h.
 *
 * A store is a ring of bytes in which every entry is contiguous: one that
 * does not fit before the end starts over at the front, and a zero size word
 * marks the gap.  head and tail count bytes since the beginning and are never
 * reduced; their position is taken modulo the capacity.
 *
 * Policy switch has two stores: programs fill one while the consumer empties
 * the other, so a burst of up to bufsize bytes never waits and never mixes.
 * The staging area is separate memory and grows on demand up to the buffer's
 * size, so that an entry is all there or not at all.
 */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#define STAGING_MIN ((size_t)4096)
#define CAPACITY_MIN ((size_t)64)

struct store {
	uint8_t *data;
	uint64_t head, tail; /* consumed up to, filled up to */
	uint64_t cost; /* of its entries, if there is a limit */
};

struct dl_trace {
	enum dl_bufpolicy policy;
	size_t capacity;
	struct store stores[2];
	unsigned active; /* the store that is filled */
	uint8_t *staging;
	size_t staging_size;
	size_t reserve; /* policy fill: what only END may use */
	uint64_t limit; /* of the entries' costs; 0 none */
	uint32_t (*cost)(void *ctx, uint32_t epid);
	void *cost_ctx;
	bool is_full;
	struct dl_cpu_drops drops;
	void (*drain)(void *ctx);
	void *drain_ctx;
	bool is_draining;
};

struct dl_trace *dl_trace_create(enum dl_bufpolicy policy, uint64_t bufsize)
{
	unsigned n = policy == DL_BUF_SWITCH ? 2 : 1;

	if (bufsize > SIZE_MAX / 4)
		return NULL;
	struct dl_trace *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->policy = policy;
	t->capacity = bufsize < CAPACITY_MIN ? CAPACITY_MIN : (size_t)bufsize & ~(size_t)7;
	t->staging_size = t->capacity < STAGING_MIN ? t->capacity : STAGING_MIN;
	t->staging = malloc(t->staging_size);
	for (unsigned i = 0; i < n; i++)
		t->stores[i].data = malloc(t->capacity);
	if (!t->staging || !t->stores[0].data || (n == 2 && !t->stores[1].data)) {
		dl_trace_destroy(t);
		return NULL;
	}
	return t;
}

void dl_trace_destroy(struct dl_trace *t)
{
	if (!t)
		return;
	free(t->staging);
	free(t->stores[0].data);
	free(t->stores[1].data);
	free(t);
}

void dl_trace_on_full(struct dl_trace *t, void (*drain)(void *ctx), void *ctx)
{
	t->drain = drain;
	t->drain_ctx = ctx;
}

void dl_trace_limit(struct dl_trace *t, uint64_t limit, uint32_t (*cost)(void *ctx, uint32_t epid),
		    void *ctx)
{
	t->limit = limit;
	t->cost = cost;
	t->cost_ctx = ctx;
}

static uint32_t cost_of(const struct dl_trace *t, const struct dl_entry *e)
{
	return t->limit ? t->cost(t->cost_ctx, e->epid) : 0;
}

void dl_trace_reserve(struct dl_trace *t, size_t n)
{
	if (t->policy == DL_BUF_FILL)
		t->reserve += n;
}

void dl_trace_release(struct dl_trace *t)
{
	if (!t->reserve)
		return;
	t->reserve = 0;
	t->is_full = false;
}

/* --- a store --- */

static size_t place(const struct dl_trace *t, uint64_t at)
{
	return (size_t)(at % t->capacity);
}

static uint32_t size_at(const struct dl_trace *t, const struct store *st, uint64_t at)
{
	uint32_t size;

	memcpy(&size, st->data + place(t, at), sizeof(size));
	return size;
}

/* Where the first unconsumed entry starts: behind a gap, if there is one. */
static uint64_t first_entry(const struct dl_trace *t, const struct store *st)
{
	if (st->head != st->tail && size_at(t, st, st->head) == 0)
		return st->head + (t->capacity - place(t, st->head));
	return st->head;
}

static const struct dl_entry *store_peek(const struct dl_trace *t, const struct store *st)
{
	uint64_t at = first_entry(t, st);

	if (at == st->tail)
		return NULL;
	return (const struct dl_entry *)(const void *)(st->data + place(t, at));
}

static void store_next(const struct dl_trace *t, struct store *st)
{
	uint64_t at = first_entry(t, st);

	if (at != st->tail)
		st->cost -= cost_of(t, store_peek(t, st));
	st->head = at == st->tail ? at : at + size_at(t, st, at);
	/* Empty: start at the front again, which spares the gap. */
	if (st->head == st->tail)
		st->head = st->tail = 0;
}

/* Bytes that an entry of size takes now, its gap included. */
static size_t store_need(const struct dl_trace *t, const struct store *st, size_t size)
{
	size_t to_end = t->capacity - place(t, st->tail);

	return to_end < size ? to_end + size : size;
}

static bool store_has_room(const struct dl_trace *t, const struct store *st,
			   const struct dl_entry *e)
{
	size_t used = (size_t)(st->tail - st->head) + (t->limit ? 0 : t->reserve);

	if (t->limit && st->cost + cost_of(t, e) + t->reserve > t->limit)
		return false;
	return used <= t->capacity && store_need(t, st, e->size) <= t->capacity - used;
}

static void store_append(const struct dl_trace *t, struct store *st, const struct dl_entry *e)
{
	size_t size = e->size;
	size_t to_end = t->capacity - place(t, st->tail);
	uint32_t gap = 0;

	if (to_end < size) {
		memcpy(st->data + place(t, st->tail), &gap, sizeof(gap));
		st->tail += to_end;
	}
	memcpy(st->data + place(t, st->tail), e, size);
	st->tail += size;
	st->cost += cost_of(t, e);
}

/* --- producer --- */

uint8_t *dl_trace_begin(struct dl_trace *t, size_t max)
{
	if (max > t->capacity || max > UINT32_MAX)
		return NULL;
	if (max > t->staging_size) {
		size_t want = t->staging_size * 2 > max ? t->staging_size * 2 : max;
		uint8_t *p = realloc(t->staging, want > t->capacity ? t->capacity : want);

		if (!p)
			return NULL;
		t->staging = p;
		t->staging_size = want > t->capacity ? t->capacity : want;
	}
	return t->staging;
}

static bool drop(struct dl_trace *t, const struct dl_entry *e)
{
	dl_cpu_drops_add(&t->drops, e->cpu);
	return false;
}

/* Policy wait: has the buffer emptied.  A drain that fires probes may not recurse. */
static void drain_buffer(struct dl_trace *t)
{
	if (!t->drain || t->is_draining)
		return;
	t->is_draining = true;
	t->drain(t->drain_ctx);
	t->is_draining = false;
}

static bool make_room(struct dl_trace *t, struct store *st, const struct dl_entry *e)
{
	switch (t->policy) {
	case DL_BUF_WAIT: drain_buffer(t); return store_has_room(t, st, e) || drop(t, e);
	case DL_BUF_RING:
		while (!store_has_room(t, st, e) && st->head != st->tail)
			store_next(t, st);
		return store_has_room(t, st, e) || drop(t, e);
	case DL_BUF_FILL: t->is_full = true; return false;
	default: return drop(t, e);
	}
}

bool dl_trace_put(struct dl_trace *t, const struct dl_entry *e)
{
	struct store *st = &t->stores[t->active];
	size_t size = e->size;

	if (t->is_full)
		return false;
	if (size < sizeof(*e) || size % 8 || size > t->capacity)
		return drop(t, e);
	if (!store_has_room(t, st, e) && !make_room(t, st, e))
		return false;
	store_append(t, st, e);
	return true;
}

bool dl_trace_commit(struct dl_trace *t, size_t used)
{
	struct dl_entry *e = (struct dl_entry *)(void *)t->staging;

	if (used > t->staging_size || used < sizeof(*e))
		return drop(t, e);
	e->size = (uint32_t)used;
	return dl_trace_put(t, e);
}

/* --- consumer --- */

static bool idle_has_entries(const struct dl_trace *t)
{
	const struct store *idle = &t->stores[!t->active];

	return t->policy == DL_BUF_SWITCH && idle->head != idle->tail;
}

const struct dl_entry *dl_trace_peek(const struct dl_trace *t)
{
	return store_peek(t, &t->stores[idle_has_entries(t) ? !t->active : t->active]);
}

void dl_trace_next(struct dl_trace *t)
{
	if (t->policy == DL_BUF_SWITCH && !idle_has_entries(t))
		t->active = !t->active;
	store_next(t, &t->stores[t->policy == DL_BUF_SWITCH ? !t->active : t->active]);
}

bool dl_trace_full(const struct dl_trace *t)
{
	return t->is_full;
}

uint64_t dl_trace_take_drops(struct dl_trace *t)
{
	uint64_t total = 0, n;
	uint32_t cpu;

	while ((n = dl_cpu_drops_take(&t->drops, &cpu)))
		total += n;
	return total;
}

struct dl_cpu_drops *dl_trace_drops(struct dl_trace *t)
{
	return &t->drops;
}

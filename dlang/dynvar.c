/*
 * Dynamic variables: elements of associative arrays and blocks of
 * thread-locals.  Both are charged to dynvarsize.
 *
 * Elements.  Keys and values live in one arena, so that a D address of a
 * value is an offset that is easily checked.  Programs may scribble over the
 * arena through pointers into it; therefore nothing that this code relies on
 * is kept there: chains, sizes and free lists are in a table of entries beside
 * it.  Blocks come in size classes (32, 48, 64, 96, ...) and return to their
 * class, each together with the entry that describes it.
 *
 * Thread-locals.  One block per thread in a hash table with linear probing;
 * the header in front of a block counts its variables in use, and at zero the
 * block goes: "assigning zero deallocates".
 *
 * Probe context: memory is allocated only for a new element or thread.
 */
#include "state_impl.h"

#include <stdlib.h>
#include <string.h>

#include "keyhash.h"

#define N_CLASSES 64u
#define BUCKETS_MIN 64u
#define ARENA_MAX ((uint64_t)1 << 38)
#define NONE UINT32_MAX

struct element {
	uint32_t hash;
	uint32_t next; /* in its chain or free list */
	uint32_t key_len;
	uint32_t class;
	uint64_t offset; /* of the block: key, then value */
};

struct tls_block {
	struct tls_block *next_free;
	uint64_t thread;
	uint64_t n_used; /* variables */
	uint64_t data[];
};

struct dl_dyn {
	uint8_t *arena;
	uint64_t limit;
	uint64_t arena_used; /* bytes ever cut off the arena */
	VEC(struct element) elements;
	uint32_t *buckets;
	uint32_t n_buckets; /* power of two */
	uint32_t n_live;
	uint32_t free[N_CLASSES];

	struct tls_block **threads;
	uint32_t n_threads, threads_cap; /* cap: power of two, or 0 */
	uint32_t tls_size;
	struct tls_block *free_blocks;
};

/* --- life cycle --- */

struct dl_dyn *dl_dyn_create(uint64_t limit)
{
	struct dl_dyn *d = limit <= ARENA_MAX ? calloc(1, sizeof(*d)) : NULL;

	if (!d)
		return NULL;
	d->limit = limit & ~(uint64_t)7;
	d->n_buckets = BUCKETS_MIN;
	d->buckets = malloc(BUCKETS_MIN * sizeof(*d->buckets));
	/* Large: the system gives the pages as they are touched. */
	d->arena = calloc(1, (size_t)d->limit + 8);
	if (!d->arena || !d->buckets) {
		dl_dyn_destroy(d);
		return NULL;
	}
	memset(d->buckets, 0xff, BUCKETS_MIN * sizeof(*d->buckets));
	for (unsigned i = 0; i < N_CLASSES; i++)
		d->free[i] = NONE;
	return d;
}

void dl_dyn_destroy(struct dl_dyn *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; i < d->threads_cap; i++)
		free(d->threads[i]);
	while (d->free_blocks) {
		struct tls_block *next = d->free_blocks->next_free;

		free(d->free_blocks);
		d->free_blocks = next;
	}
	free(d->threads);
	free(d->arena);
	free(d->buckets);
	vec_deinit(&d->elements);
	free(d);
}

uint8_t *dl_dyn_arena(struct dl_dyn *d, uint64_t *size_ret)
{
	*size_ret = d->limit;
	return d->arena;
}

static uint64_t block_cost(const struct dl_dyn *d)
{
	return sizeof(struct tls_block) + d->tls_size;
}

static uint64_t room_left(const struct dl_dyn *d)
{
	uint64_t used = d->arena_used + d->n_threads * block_cost(d);

	return used < d->limit ? d->limit - used : 0;
}

/* --- elements --- */

static uint64_t class_size(uint32_t class)
{
	return (class & 1 ? (uint64_t)48 : (uint64_t)32) << (class / 2);
}

static uint32_t class_for(uint64_t need)
{
	uint32_t class = 0;

	while (class < N_CLASSES - 1 && class_size(class) < need)
		class ++;
	return class;
}

static const uint8_t *key_at(const struct dl_dyn *d, const struct element *e)
{
	return d->arena + e->offset;
}

static uint32_t *find_link(struct dl_dyn *d, const uint8_t *key, uint32_t len, uint32_t hash)
{
	uint32_t *link = &d->buckets[hash & (d->n_buckets - 1)];

	for (; *link != NONE; link = &d->elements.items[*link].next) {
		const struct element *e = &d->elements.items[*link];

		if (e->hash == hash && e->key_len == len && key_equal(key_at(d, e), key, len))
			break;
	}
	return link;
}

static void value_of(const struct dl_dyn *d, const struct element *e, struct dl_dyn_value *ret)
{
	ret->offset = e->offset + e->key_len;
	ret->data = d->arena + ret->offset;
	uint64_t cap = class_size(e->class) - e->key_len;

	ret->cap = cap > UINT32_MAX ? UINT32_MAX : (uint32_t)cap;
}

bool dl_dyn_find(struct dl_dyn *d, const uint8_t *key, uint32_t key_len, struct dl_dyn_value *ret)
{
	uint32_t i = *find_link(d, key, key_len, key_hash(key, key_len));

	if (i == NONE)
		return false;
	value_of(d, &d->elements.items[i], ret);
	return true;
}

static void grow_buckets(struct dl_dyn *d)
{
	uint32_t n = d->n_buckets * 2;

	if (d->n_live < d->n_buckets || n == 0)
		return;
	uint32_t *buckets = malloc(n * sizeof(*buckets));

	if (!buckets)
		return; /* longer chains, but right */
	memset(buckets, 0xff, n * sizeof(*buckets));
	for (uint32_t b = 0; b < d->n_buckets; b++) {
		for (uint32_t i = d->buckets[b]; i != NONE;) {
			struct element *e = &d->elements.items[i];
			uint32_t next = e->next, *head = &buckets[e->hash & (n - 1)];

			e->next = *head;
			*head = i;
			i = next;
		}
	}
	free(d->buckets);
	d->buckets = buckets;
	d->n_buckets = n;
}

/* An element with a block of at least need bytes, in no chain; NONE: no room. */
static uint32_t take_element(struct dl_dyn *d, uint64_t need)
{
	uint32_t class = class_for(need);
	uint64_t size = class_size(class);

	if (size < need)
		return NONE;
	if (d->free[class] == NONE && size <= room_left(d) && d->elements.n < NONE) {
		struct element e = { .class = class, .offset = d->arena_used };

		if (!vec_push(&d->elements, e))
			return NONE;
		d->arena_used += size;
		return (uint32_t)(d->elements.n - 1);
	}
	/* Else a larger one that is free will do. */
	while (class < N_CLASSES && d->free[class] == NONE)
		class ++;
	if (class == N_CLASSES)
		return NONE;
	uint32_t i = d->free[class];

	d->free[class] = d->elements.items[i].next;
	return i;
}

static void unlink_element(struct dl_dyn *d, uint32_t *link)
{
	uint32_t i = *link;
	struct element *e = &d->elements.items[i];

	*link = e->next;
	e->next = d->free[e->class];
	d->free[e->class] = i;
	d->n_live--;
}

bool dl_dyn_put(struct dl_dyn *d, const uint8_t *key, uint32_t key_len, uint32_t size,
		struct dl_dyn_value *ret)
{
	uint32_t hash = key_hash(key, key_len);
	uint32_t old = *find_link(d, key, key_len, hash);

	if (old != NONE) {
		value_of(d, &d->elements.items[old], ret);
		if (size <= ret->cap)
			return true;
	}
	uint32_t i = take_element(d, (uint64_t)key_len + size);

	if (i == NONE)
		return false;
	if (old != NONE)
		unlink_element(d, find_link(d, key, key_len, hash));
	grow_buckets(d);
	struct element *e = &d->elements.items[i];
	uint32_t *head = &d->buckets[hash & (d->n_buckets - 1)];

	e->hash = hash;
	e->key_len = key_len;
	e->next = *head;
	*head = i;
	d->n_live++;
	memcpy(d->arena + e->offset, key, key_len);
	value_of(d, e, ret);
	memset(ret->data, 0, size);
	return true;
}

void dl_dyn_delete(struct dl_dyn *d, const uint8_t *key, uint32_t key_len)
{
	uint32_t *link = find_link(d, key, key_len, key_hash(key, key_len));

	if (*link != NONE)
		unlink_element(d, link);
}

/* --- thread-locals --- */

static uint32_t home(const struct dl_dyn *d, uint64_t thread)
{
	return (uint32_t)((thread * 0x9e3779b97f4a7c15u) >> 32) & (d->threads_cap - 1);
}

/* The thread's place, or the free one where it would go. */
static uint32_t find_place(const struct dl_dyn *d, uint64_t thread)
{
	uint32_t i = home(d, thread);

	while (d->threads[i] && d->threads[i]->thread != thread)
		i = (i + 1) & (d->threads_cap - 1);
	return i;
}

uint8_t *dl_tls_find(struct dl_dyn *d, uint64_t thread)
{
	if (!d->n_threads)
		return NULL;
	struct tls_block *b = d->threads[find_place(d, thread)];

	return b ? (uint8_t *)b->data : NULL;
}

static bool grow_threads(struct dl_dyn *d)
{
	uint32_t old_cap = d->threads_cap, cap = old_cap ? old_cap * 2 : BUCKETS_MIN;
	struct tls_block **old = d->threads;

	if ((d->n_threads + 1) * 2 <= old_cap)
		return true;
	struct tls_block **threads = cap ? calloc(cap, sizeof(*threads)) : NULL;

	if (!threads)
		return false;
	d->threads = threads;
	d->threads_cap = cap;
	for (uint32_t i = 0; i < old_cap; i++)
		if (old[i])
			d->threads[find_place(d, old[i]->thread)] = old[i];
	free(old);
	return true;
}

uint8_t *dl_tls_make(struct dl_dyn *d, uint64_t thread)
{
	if (block_cost(d) > room_left(d) || !grow_threads(d))
		return NULL;
	struct tls_block *b = d->free_blocks;

	if (b)
		d->free_blocks = b->next_free;
	else
		b = malloc(block_cost(d));
	if (!b)
		return NULL;
	memset(b, 0, block_cost(d));
	b->thread = thread;
	d->threads[find_place(d, thread)] = b;
	d->n_threads++;
	return (uint8_t *)b->data;
}

/* Empties place i; moves what probing would no longer find. */
static void remove_place(struct dl_dyn *d, uint32_t i)
{
	uint32_t mask = d->threads_cap - 1;

	for (uint32_t j = (i + 1) & mask; d->threads[j]; j = (j + 1) & mask) {
		uint32_t want = home(d, d->threads[j]->thread);

		if (((j - want) & mask) >= ((j - i) & mask)) {
			d->threads[i] = d->threads[j];
			i = j;
		}
	}
	d->threads[i] = NULL;
}

bool dl_tls_count(struct dl_dyn *d, uint8_t *block, int by)
{
	struct tls_block *b =
		(struct tls_block *)(void *)(block - offsetof(struct tls_block, data));

	if (by > 0)
		b->n_used++;
	else if (b->n_used)
		b->n_used--;
	if (b->n_used)
		return false;
	remove_place(d, find_place(d, b->thread));
	d->n_threads--;
	b->next_free = d->free_blocks;
	d->free_blocks = b;
	return true;
}

bool dl_tls_resize(struct dl_dyn *d, uint32_t size)
{
	uint32_t old = d->tls_size;

	if (size <= old)
		return true;
	while (d->free_blocks) {
		struct tls_block *next = d->free_blocks->next_free;

		free(d->free_blocks);
		d->free_blocks = next;
	}
	for (uint32_t i = 0; i < d->threads_cap; i++) {
		struct tls_block *b = d->threads[i];

		if (!b)
			continue;
		b = realloc(b, sizeof(*b) + size);
		if (!b)
			return false; /* the blocks are at least as large as tls_size says */
		memset((uint8_t *)b->data + old, 0, size - old);
		d->threads[i] = b;
	}
	d->tls_size = size;
	return true;
}

/*
 * The live aggregation tables: see agg.h.
 *
 * An entry's descriptor sits in a vector in order of first appearance; its
 * key and values are one allocation of their own, so that they stay put when
 * the vector grows.  Buckets hold hash and index, probed linearly, at most
 * half full.  Entries leave only through dl_agg_trunc(), which rebuilds the
 * buckets; so there are no tombstones.
 *
 * dl_agg_update() runs in probe context: it allocates only for a new key.
 */
#include "agg.h"

#include <stdlib.h>
#include <string.h>

#include "keyhash.h"
#include "vec.h"

#define BUCKETS_MIN 16u
#define ENTRIES_MAX (1u << 30)

struct bucket {
	uint32_t hash;
	uint32_t index; /* into entries, from 1; 0 = free */
};

struct agg {
	const struct dl_aggdesc *desc; /* borrowed; NULL: not added */
	uint32_t n_words;
	bool is_used; /* ever had an entry */
	int64_t factor;
	VEC(struct dl_agg_entry) entries;
	struct bucket *buckets;
	uint32_t n_buckets; /* power of two, or 0 */
};

struct dl_agg_set {
	VEC(struct agg) aggs;
	uint64_t limit, used; /* bytes */
};

/* --- life cycle --- */

struct dl_agg_set *dl_agg_set_create(uint64_t aggsize)
{
	struct dl_agg_set *s = calloc(1, sizeof(*s));

	if (s)
		s->limit = aggsize;
	return s;
}

void dl_agg_set_destroy(struct dl_agg_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->aggs.n; i++) {
		struct agg *a = &s->aggs.items[i];

		for (size_t j = 0; j < a->entries.n; j++)
			free(a->entries.items[j].values);
		vec_deinit(&a->entries);
		free(a->buckets);
	}
	vec_deinit(&s->aggs);
	free(s);
}

bool dl_agg_set_add(struct dl_agg_set *s, const struct dl_aggdesc *desc)
{
	if (desc->id >= UINT32_MAX / 2)
		return false;
	while (s->aggs.n <= desc->id) {
		struct agg fresh = { .factor = 1 };

		if (!vec_push(&s->aggs, fresh))
			return false;
	}
	struct agg *a = &s->aggs.items[desc->id];

	/* printa() may name it before its function is known: take what is newest. */
	if (a->entries.n == 0) {
		a->desc = desc;
		a->n_words = desc->func_known ? dl_agg_words(desc->func, desc->param) : 0;
	}
	return true;
}

static struct agg *agg_of(const struct dl_agg_set *s, uint32_t id)
{
	if (id >= s->aggs.n || !s->aggs.items[id].desc)
		return NULL;
	return &s->aggs.items[id];
}

/* --- lookup and insertion --- */

static inline struct dl_agg_entry *lookup(const struct agg *a, const uint8_t *key, uint32_t len,
					  uint32_t hash)
{
	if (!a->n_buckets)
		return NULL;
	for (uint32_t i = hash & (a->n_buckets - 1);; i = (i + 1) & (a->n_buckets - 1)) {
		const struct bucket *b = &a->buckets[i];

		if (!b->index)
			return NULL;
		struct dl_agg_entry *e = &a->entries.items[b->index - 1];

		if (b->hash == hash && e->key_len == len && key_equal(e->key, key, len))
			return e;
	}
}

static void bucket_place(struct agg *a, uint32_t hash, uint32_t index)
{
	uint32_t i = hash & (a->n_buckets - 1);

	while (a->buckets[i].index)
		i = (i + 1) & (a->n_buckets - 1);
	a->buckets[i] = (struct bucket){ .hash = hash, .index = index };
}

static void buckets_fill(struct agg *a)
{
	for (size_t i = 0; i < a->entries.n; i++) {
		const struct dl_agg_entry *e = &a->entries.items[i];

		bucket_place(a, key_hash(e->key, e->key_len), (uint32_t)i + 1);
	}
}

static bool buckets_reserve(struct agg *a)
{
	uint32_t n = a->n_buckets ? a->n_buckets * 2 : BUCKETS_MIN;

	if ((a->entries.n + 1) * 2 <= a->n_buckets)
		return true;
	struct bucket *buckets = calloc(n, sizeof(*buckets));

	if (!buckets)
		return false;
	free(a->buckets);
	a->buckets = buckets;
	a->n_buckets = n;
	buckets_fill(a);
	return true;
}

static uint64_t entry_cost(const struct agg *a, uint32_t key_len)
{
	return sizeof(struct dl_agg_entry) + key_len + 8 * (uint64_t)a->n_words;
}

static struct dl_agg_entry *insert(struct dl_agg_set *s, struct agg *a, const uint8_t *key,
				   uint32_t len, uint32_t hash)
{
	uint64_t cost = entry_cost(a, len);

	if (cost > s->limit - s->used || a->entries.n >= ENTRIES_MAX || !buckets_reserve(a))
		return NULL;
	int64_t *values = calloc(1, 8 * (size_t)a->n_words + len + 1);

	if (!values)
		return NULL;
	uint8_t *copy = (uint8_t *)(values + a->n_words);
	struct dl_agg_entry e = {
		.key = copy,
		.key_len = len,
		.n_values = a->n_words,
		.values = values,
	};

	if (len)
		memcpy(copy, key, len);
	if (!vec_push(&a->entries, e)) {
		free(values);
		return NULL;
	}
	s->used += cost;
	bucket_place(a, hash, (uint32_t)a->entries.n);
	a->is_used = true;
	return &a->entries.items[a->entries.n - 1];
}

static inline struct dl_agg_entry *obtain(struct dl_agg_set *s, struct agg *a, const uint8_t *key,
					  uint32_t len)
{
	uint32_t hash = key_hash(key, len);
	struct dl_agg_entry *e = lookup(a, key, len, hash);

	return e ? e : insert(s, a, key, len, hash);
}

/* --- updates --- */

static inline void bump(int64_t *v, int64_t by)
{
	*v = (int64_t)((uint64_t)*v + (uint64_t)by);
}

static void add_square(int64_t *v, int64_t value)
{
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
	unsigned __int128 sum = (unsigned __int128)(uint64_t)v[3] << 64 | (uint64_t)v[2];

	sum += (unsigned __int128)size * size;
	v[2] = (int64_t)(uint64_t)sum;
	v[3] = (int64_t)(uint64_t)(sum >> 64);
}

static void bump_bucket(struct dl_agg_entry *e, uint32_t bucket, int64_t by)
{
	if (bucket < e->n_values)
		bump(&e->values[bucket], by);
}

static inline void apply(const struct dl_aggdesc *d, struct dl_agg_entry *e, int64_t value,
			 int64_t increment)
{
	int64_t *v = e->values;

	switch (d->func) {
	case DL_AGG_COUNT: bump(&v[0], 1); break;
	case DL_AGG_SUM: bump(&v[0], value); break;
	case DL_AGG_MIN: v[0] = !e->hits || value < v[0] ? value : v[0]; break;
	case DL_AGG_MAX: v[0] = !e->hits || value > v[0] ? value : v[0]; break;
	case DL_AGG_STDDEV: add_square(v, value); __attribute__((fallthrough));
	case DL_AGG_AVG:
		bump(&v[0], 1);
		bump(&v[1], value);
		break;
	case DL_AGG_QUANTIZE: bump_bucket(e, (uint32_t)dl_quantize_bucket(value), increment); break;
	case DL_AGG_LQUANTIZE:
		bump_bucket(e, dl_lquantize_bucket(d->param, value), increment);
		break;
	case DL_AGG_LLQUANTIZE:
		bump_bucket(e, dl_llquantize_bucket(d->param, value), increment);
		break;
	}
	e->hits++;
}

bool dl_agg_update(struct dl_agg_set *s, uint32_t id, const uint8_t *key, uint32_t key_len,
		   int64_t value, int64_t increment)
{
	struct agg *a = agg_of(s, id);

	if (!a || !a->n_words)
		return false;
	struct dl_agg_entry *e = obtain(s, a, key, key_len);

	if (!e)
		return false;
	apply(a->desc, e, value, increment);
	return true;
}

static void merge_words(const struct agg *a, struct dl_agg_entry *e, const int64_t *v)
{
	enum dl_aggfunc f = a->desc->func;
	uint32_t n = f == DL_AGG_STDDEV ? 2 : a->n_words;

	if (f == DL_AGG_MIN || f == DL_AGG_MAX) {
		if (!e->hits || (f == DL_AGG_MIN ? v[0] < e->values[0] : v[0] > e->values[0]))
			e->values[0] = v[0];
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		bump(&e->values[i], v[i]);
	if (f == DL_AGG_STDDEV) {
		uint64_t low = (uint64_t)e->values[2] + (uint64_t)v[2];

		bump(&e->values[3], v[3]);
		bump(&e->values[3], low < (uint64_t)v[2]);
		e->values[2] = (int64_t)low;
	}
}

bool dl_agg_merge(struct dl_agg_set *s, uint32_t id, const uint8_t *key, uint32_t key_len,
		  const int64_t *values, uint32_t n_values, uint64_t hits)
{
	struct agg *a = agg_of(s, id);

	if (!a || !a->n_words || n_values != a->n_words || key_len % 8)
		return false;
	struct dl_agg_entry *e = obtain(s, a, key, key_len);

	if (!e)
		return false;
	if (hits) {
		merge_words(a, e, values);
		e->hits += hits;
	}
	return true;
}

/* --- clear, trunc, normalize --- */

void dl_agg_clear(struct dl_agg_set *s, uint32_t id)
{
	struct agg *a = agg_of(s, id);

	for (size_t i = 0; a && i < a->entries.n; i++) {
		struct dl_agg_entry *e = &a->entries.items[i];

		memset(e->values, 0, 8 * (size_t)e->n_values);
		e->hits = 0;
	}
}

struct ranked {
	const struct agg *agg;
	long double value;
	uint32_t index;
};

/* Order of two keys: integers by value, everything else by its bytes. */
static int compare_keys(const struct dl_aggdesc *d, const struct dl_agg_entry *x,
			const struct dl_agg_entry *y)
{
	bool first_is_int = d->n_keys && d->keys && d->keys[0].kind == DL_VK_INT;
	uint32_t len = x->key_len < y->key_len ? x->key_len : y->key_len;

	if (first_is_int && len >= 8) {
		int64_t a = (int64_t)key_word(x->key), b = (int64_t)key_word(y->key);

		if (a != b)
			return a < b ? -1 : 1;
	}
	int order = memcmp(x->key, y->key, len);

	return order ? order : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

static int compare_ranked(const void *p, const void *q)
{
	const struct ranked *x = p, *y = q;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return compare_keys(x->agg->desc, &x->agg->entries.items[x->index],
			    &y->agg->entries.items[y->index]);
}

static void drop_entry(struct dl_agg_set *s, struct agg *a, size_t i)
{
	struct dl_agg_entry *e = &a->entries.items[i];

	s->used -= entry_cost(a, e->key_len);
	free(e->values);
	e->values = NULL;
}

/* Closes the gaps that drop_entry() left, keeping the order. */
static void compact(struct agg *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->entries.n; i++)
		if (a->entries.items[i].values)
			a->entries.items[n++] = a->entries.items[i];
	a->entries.n = n;
	if (a->n_buckets)
		memset(a->buckets, 0, a->n_buckets * sizeof(*a->buckets));
	buckets_fill(a);
}

void dl_agg_trunc(struct dl_agg_set *s, uint32_t id, int64_t n)
{
	struct agg *a = agg_of(s, id);
	uint64_t keep = n < 0 ? -(uint64_t)n : (uint64_t)n;

	if (!a || keep >= a->entries.n)
		return;
	size_t count = a->entries.n;
	_cleanup_(freep) struct ranked *r = keep ? calloc(count, sizeof(*r)) : NULL;

	if (keep && !r)
		return; /* out of memory: nothing is lost */
	for (size_t i = 0; r && i < count; i++)
		r[i] = (struct ranked){ a, dl_agg_sortvalue(a->desc, &a->entries.items[i]),
					(uint32_t)i };
	if (r)
		qsort(r, count, sizeof(*r), compare_ranked);
	/* Ascending: the n largest are at the end, the |n| smallest in front. */
	size_t from = n < 0 ? (size_t)keep : 0, to = n < 0 ? count : count - (size_t)keep;

	for (size_t i = from; i < to; i++)
		drop_entry(s, a, r ? r[i].index : i);
	compact(a);
}

void dl_agg_normalize(struct dl_agg_set *s, uint32_t id, int64_t factor)
{
	struct agg *a = agg_of(s, id);

	if (a && factor != 0)
		a->factor = factor;
}

/* --- queries --- */

int64_t dl_agg_factor(const struct dl_agg_set *s, uint32_t id)
{
	const struct agg *a = agg_of(s, id);

	return a ? a->factor : 1;
}

bool dl_agg_used(const struct dl_agg_set *s, uint32_t id)
{
	const struct agg *a = agg_of(s, id);

	return a && a->is_used;
}

size_t dl_agg_count(const struct dl_agg_set *s, uint32_t id)
{
	const struct agg *a = agg_of(s, id);

	return a ? a->entries.n : 0;
}

const struct dl_agg_entry *dl_agg_entry(const struct dl_agg_set *s, uint32_t id, size_t i)
{
	const struct agg *a = agg_of(s, id);

	return a && i < a->entries.n ? &a->entries.items[i] : NULL;
}

const struct dl_agg_entry *dl_agg_find(const struct dl_agg_set *s, uint32_t id, const uint8_t *key,
				       uint32_t key_len)
{
	const struct agg *a = agg_of(s, id);

	return a ? lookup(a, key, key_len, key_hash(key, key_len)) : NULL;
}

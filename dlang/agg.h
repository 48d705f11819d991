/*
 * Aggregations: the live tables.  One table per aggregation, keyed by the
 * encoded tuple.  Values are updated when the probe fires and read by the
 * consumer; clear(), trunc() and normalize() take effect in record order.
 *
 * Key encoding, also of associative arrays: the fields one after another,
 * each starting 8-aligned:
 *	INT	8 bytes, sign- or zero-extended by its descriptor
 *	STRING	u32 length, then the bytes without NUL, zero padding to 8
 *	BYTES/FLOAT	the bytes, zero padding to 8
 *	USTACK	u64 pid, u64 n, then n pcs
 *	STACK	nothing
 *	SYM	u64 pid, u64 address
 * The same encoding is used for the fields of trace data (trace.h).
 */
#ifndef DL_AGG_H
#define DL_AGG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "program.h"

struct dl_agg_entry {
	const uint8_t *key; /* encoded tuple */
	uint32_t key_len;
	uint32_t n_values; /* words in values */
	int64_t *values; /* see below; borrowed */
	uint64_t hits; /* 0 after clear(): no value since */
};
/*
 * values: COUNT, SUM, MIN, MAX: [0] value.  AVG: [0] count [1] sum.
 * STDDEV: [0] count [1] sum [2] low [3] high word of the sum of squares.
 * QUANTIZE: 127 buckets.  LQUANTIZE: levels + 2.  LLQUANTIZE: N buckets.
 */

#define DL_QUANTIZE_BUCKETS 127
#define DL_QUANTIZE_ZERO 63

struct dl_agg_set; /* all aggregations of a session */

struct dl_agg_set *dl_agg_set_create(uint64_t aggsize);
void dl_agg_set_destroy(struct dl_agg_set *s);
/* Makes room for the aggregation desc->id; idempotent. */
bool dl_agg_set_add(struct dl_agg_set *s, const struct dl_aggdesc *desc);
/* Aggregates; false: no room (aggsize), the caller counts an aggregation drop. */
bool dl_agg_update(struct dl_agg_set *s, uint32_t id, const uint8_t *key, uint32_t key_len,
		   int64_t value, int64_t increment);
/* Merges a whole cell (record tier snapshots): associative functions add up. */
bool dl_agg_merge(struct dl_agg_set *s, uint32_t id, const uint8_t *key, uint32_t key_len,
		  const int64_t *values, uint32_t n_values, uint64_t hits);
void dl_agg_clear(struct dl_agg_set *s, uint32_t id);
/* n > 0 keeps the n largest, n < 0 the |n| smallest, 0 none. */
void dl_agg_trunc(struct dl_agg_set *s, uint32_t id, int64_t n);
void dl_agg_normalize(struct dl_agg_set *s, uint32_t id, int64_t factor); /* 1 = denormalize */
int64_t dl_agg_factor(const struct dl_agg_set *s, uint32_t id);
bool dl_agg_used(const struct dl_agg_set *s, uint32_t id); /* ever had an entry */
size_t dl_agg_count(const struct dl_agg_set *s, uint32_t id);
/* Entries in unspecified order; borrowed until the next update. */
const struct dl_agg_entry *dl_agg_entry(const struct dl_agg_set *s, uint32_t id, size_t i);
const struct dl_agg_entry *dl_agg_find(const struct dl_agg_set *s, uint32_t id, const uint8_t *key,
				       uint32_t key_len);

/* Number of value words of an aggregation. */
uint32_t dl_agg_words(enum dl_aggfunc f, uint64_t param);
/* Bucket arithmetic, shared by VM, consumer and tests. */
int dl_quantize_bucket(int64_t v);
int64_t dl_quantize_label(int bucket);
uint32_t dl_lquantize_bucket(uint64_t param, int64_t v);
/* The same as ranges: the values from lower on, up to the next one's lower, are in bucket
 * first + (value - lower) / width (width 0: in first).  0: there are more than max. */
struct dl_llquantize_range {
	int64_t lower;
	uint64_t width;
	uint32_t first;
};
uint32_t dl_llquantize_ranges(uint64_t param, struct dl_llquantize_range *ret, uint32_t max);
uint32_t dl_llquantize_bucket(uint64_t param, int64_t v);
/* Lower bound of bucket i (0 = underflow). */
int64_t dl_llquantize_label(uint64_t param, uint32_t i);
/* The number an entry displays and sorts by: value, average, stddev, weighted total. */
int64_t dl_agg_value(const struct dl_aggdesc *d, const struct dl_agg_entry *e, int64_t factor);
long double dl_agg_sortvalue(const struct dl_aggdesc *d, const struct dl_agg_entry *e);

#endif

/*
 * Aggregation arithmetic: which bucket a value falls into, what a bucket is
 * called, and the one number an entry displays and sorts by.  Pure functions,
 * shared by the VM, the consumer and the tests: see agg.h.
 *
 * All arithmetic is total: parameters come from checked constants, but none
 * of them, and no value, may overflow or trap here.
 */
#include "agg.h"

#include <limits.h>

typedef unsigned __int128 u128;

/* --- quantize: powers of two --- */

int dl_quantize_bucket(int64_t v)
{
	if (v == 0)
		return DL_QUANTIZE_ZERO;
	if (v > 0)
		return DL_QUANTIZE_ZERO + 64 - __builtin_clzll((uint64_t)v);
	int log = 63 - __builtin_clzll(-(uint64_t)v);

	return log > 62 ? 0 : 62 - log;
}

int64_t dl_quantize_label(int bucket)
{
	if (bucket < 0)
		bucket = 0;
	if (bucket >= DL_QUANTIZE_BUCKETS)
		bucket = DL_QUANTIZE_BUCKETS - 1;
	if (bucket < DL_QUANTIZE_ZERO)
		return -((int64_t)1 << (62 - bucket));
	if (bucket == DL_QUANTIZE_ZERO)
		return 0;
	return (int64_t)1 << (bucket - DL_QUANTIZE_ZERO - 1);
}

/* --- lquantize: step << 48 | levels << 32 | (uint32)base --- */

static int32_t lq_base(uint64_t param)
{
	return (int32_t)(uint32_t)param;
}

static uint32_t lq_levels(uint64_t param)
{
	return (uint32_t)(param >> 32) & 0xffff;
}

static uint32_t lq_step(uint64_t param)
{
	uint32_t step = (uint32_t)(param >> 48);

	return step ? step : 1;
}

uint32_t dl_lquantize_bucket(uint64_t param, int64_t v)
{
	int64_t value = (int32_t)(uint32_t)(uint64_t)v; /* D quantizes the low 32 bits */
	int64_t base = lq_base(param);

	if (value < base)
		return 0;
	uint64_t level = (uint64_t)(value - base) / lq_step(param);
	uint32_t levels = lq_levels(param);

	return level < levels ? (uint32_t)level + 1 : levels + 1;
}

/* --- llquantize: factor << 48 | low << 32 | high << 16 | nsteps --- */

/*
 * Walks the magnitudes from low to high.  [lower, upper) is the magnitude's
 * range, n its number of buckets counted from 0, of which the first n / factor
 * belong to the magnitudes below, first the bucket that starts at lower.
 */
struct ll_walk {
	uint64_t factor, nsteps;
	unsigned magnitude, high;
	u128 lower, upper;
	u128 n, width;
	uint32_t first;
};

static void ll_measure(struct ll_walk *w)
{
	/* A magnitude has a bucket at least, a bucket a value. */
	w->n = w->upper > w->nsteps ? w->nsteps : w->upper;
	if (!w->n)
		w->n = 1;
	w->width = w->upper / w->n;
	if (!w->width)
		w->width = 1;
}

static void ll_start(struct ll_walk *w, uint64_t param)
{
	unsigned low = (unsigned)(param >> 32) & 0xffff;

	w->factor = param >> 48;
	w->nsteps = param & 0xffff;
	w->high = (unsigned)(param >> 16) & 0xffff;
	/* The checker refuses these; they are only kept from trapping. */
	if (w->factor < 2)
		w->factor = 2;
	if (w->nsteps < 1)
		w->nsteps = 1;
	w->lower = 1;
	for (unsigned i = 0; i < low && w->lower <= INT64_MAX; i++)
		w->lower *= w->factor;
	w->magnitude = low;
	w->upper = w->lower * w->factor;
	w->first = 1;
	ll_measure(w);
}

static uint32_t ll_own(const struct ll_walk *w)
{
	return (uint32_t)(w->n - w->n / w->factor);
}

/* false: there is no such magnitude (any more). */
static bool ll_valid(const struct ll_walk *w)
{
	return w->magnitude <= w->high && w->lower <= INT64_MAX;
}

static void ll_next(struct ll_walk *w)
{
	w->first += ll_own(w);
	w->lower = w->upper;
	w->upper *= w->factor;
	w->magnitude++;
	ll_measure(w);
}

uint32_t dl_llquantize_bucket(uint64_t param, int64_t v)
{
	struct ll_walk w;

	ll_start(&w, param);
	if (v < 0 || (u128)v < w.lower)
		return 0;
	for (; ll_valid(&w); ll_next(&w))
		if ((u128)v < w.upper)
			return w.first + (uint32_t)(((u128)v - w.lower) / w.width);
	return w.first;
}

uint32_t dl_llquantize_ranges(uint64_t param, struct dl_llquantize_range *ret, uint32_t max)
{
	struct ll_walk w;
	uint32_t n = 0;

	for (ll_start(&w, param); ll_valid(&w); ll_next(&w)) {
		if (n + 1 >= max)
			return 0;
		ret[n++] = (struct dl_llquantize_range){ (int64_t)w.lower, (uint64_t)w.width,
							 w.first };
	}
	/* What is above them, if there is such. */
	if (n < max && w.lower <= INT64_MAX)
		ret[n++] = (struct dl_llquantize_range){ (int64_t)w.lower, 0, w.first };
	return n;
}

int64_t dl_llquantize_label(uint64_t param, uint32_t i)
{
	struct ll_walk w;

	if (i == 0)
		return INT64_MIN;
	ll_start(&w, param);
	while (ll_valid(&w) && i >= w.first + ll_own(&w))
		ll_next(&w);
	if (i < w.first)
		i = w.first;
	u128 label = w.lower + (u128)(i - w.first) * w.width;

	return label > INT64_MAX ? INT64_MAX : (int64_t)label;
}

uint32_t dl_agg_words(enum dl_aggfunc f, uint64_t param)
{
	struct ll_walk w;

	switch (f) {
	case DL_AGG_AVG: return 2;
	case DL_AGG_STDDEV: return 4;
	case DL_AGG_QUANTIZE: return DL_QUANTIZE_BUCKETS;
	case DL_AGG_LQUANTIZE: return lq_levels(param) + 2;
	case DL_AGG_LLQUANTIZE:
		for (ll_start(&w, param); ll_valid(&w); ll_next(&w))
			;
		return w.first + 1;
	default: return 1;
	}
}

/* --- the number an entry displays --- */

static int64_t divide(int64_t a, int64_t b)
{
	if (b == 0)
		return 0;
	return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static int64_t square_root(u128 v)
{
	u128 root = 0;

	for (int bit = 63; bit >= 0; bit--) {
		u128 next = root | (u128)1 << bit;

		if (next * next <= v)
			root = next;
	}
	return (int64_t)(uint64_t)root;
}

/* floor(sqrt(E[x^2] - E[x]^2)), every division truncated, as DTrace does. */
static int64_t stddev(const int64_t *v, int64_t factor)
{
	uint64_t n = (uint64_t)v[0], f = (uint64_t)factor;

	if (n == 0 || f == 0)
		return 0;
	u128 squares = (u128)(uint64_t)v[3] << 64 | (uint64_t)v[2];
	int64_t mean = divide(divide(v[1], factor), v[0]);
	uint64_t size = mean < 0 ? -(uint64_t)mean : (uint64_t)mean;
	u128 mean2 = (u128)size * size;

	squares = squares / f / f / n;
	return squares > mean2 ? square_root(squares - mean2) : 0;
}

static long double weighted_total(const struct dl_aggdesc *d, const struct dl_agg_entry *e)
{
	long double total = 0;
	uint32_t last = e->n_values ? e->n_values - 1 : 0;

	for (uint32_t i = 0; i < e->n_values; i++) {
		long double label;

		if (!e->values[i])
			continue;
		if (d->func == DL_AGG_QUANTIZE)
			label = (long double)dl_quantize_label((int)i);
		else if (d->func == DL_AGG_LLQUANTIZE)
			/* Below the range: just under the first label. */
			label = i ? (long double)dl_llquantize_label(d->param, i) :
				    (long double)dl_llquantize_label(d->param, 1) - 1;
		else if (i == 0)
			label = (long double)lq_base(d->param) - 1;
		else
			label = (long double)lq_base(d->param) +
				(long double)(i - 1) * lq_step(d->param) + (i == last);
		total += label * (long double)e->values[i];
	}
	return total;
}

static int64_t saturate(long double v)
{
	if (v >= 9223372036854775807.0L)
		return INT64_MAX;
	return v <= -9223372036854775808.0L ? INT64_MIN : (int64_t)v;
}

int64_t dl_agg_value(const struct dl_aggdesc *d, const struct dl_agg_entry *e, int64_t factor)
{
	if (factor == 0)
		factor = 1;
	if (e->n_values != dl_agg_words(d->func, d->param))
		return 0;
	switch (d->func) {
	case DL_AGG_COUNT:
		return factor > 0 ? (int64_t)((uint64_t)e->values[0] / (uint64_t)factor) :
				    divide(e->values[0], factor);
	case DL_AGG_AVG: return divide(divide(e->values[1], factor), e->values[0]);
	case DL_AGG_STDDEV: return stddev(e->values, factor);
	case DL_AGG_QUANTIZE:
	case DL_AGG_LQUANTIZE:
	case DL_AGG_LLQUANTIZE: return saturate(weighted_total(d, e) / (long double)factor);
	default: return divide(e->values[0], factor);
	}
}

long double dl_agg_sortvalue(const struct dl_aggdesc *d, const struct dl_agg_entry *e)
{
	if (e->n_values != dl_agg_words(d->func, d->param))
		return 0;
	switch (d->func) {
	case DL_AGG_QUANTIZE:
	case DL_AGG_LQUANTIZE:
	case DL_AGG_LLQUANTIZE: return weighted_total(d, e);
	default: return (long double)dl_agg_value(d, e, 1);
	}
}

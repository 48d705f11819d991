/*
 * Histograms: see histogram.h.
 *
 * A bar is 40 columns wide.  Counts may be negative (quantize() takes an
 * increment), so there are three kinds of bar: to the right of the axis, to
 * the left of it, and, when a table has both, half the width for each side.
 * Lengths are computed from the raw counts; normalisation shows only in the
 * numbers.
 */
#include "histogram.h"

#include <stdio.h>
#include <string.h>

#define BAR_WIDTH 40
#define ZOOM_FILL 0.95L /* aggzoom: part of the width that the longest bar takes */

int64_t dl_normalized(int64_t v, int64_t factor)
{
	if (factor == 0 || factor == 1)
		return v;
	if (factor == -1) /* INT64_MIN / -1 traps */
		return (int64_t)(0 - (uint64_t)v);
	return v / factor;
}

static long double magnitude(int64_t v)
{
	return v < 0 ? -(long double)v : (long double)v;
}

struct dl_bar_scale dl_bar_scale_of(const int64_t *counts, uint32_t n,
				    const struct dl_bar_style *style)
{
	struct dl_bar_scale s = { .utf8 = style->utf8 };
	long double longest = 0;

	for (uint32_t i = 0; i < n; i++) {
		long double m = magnitude(counts[i]);

		s.has_negative |= counts[i] < 0;
		s.has_positive |= counts[i] > 0;
		s.total += m;
		if (m > longest)
			longest = m;
	}
	if (style->zoom)
		s.total = longest / ZOOM_FILL;
	return s;
}

static unsigned bar_length(int64_t count, long double total, unsigned width)
{
	if (total <= 0)
		return 0;

	long double len = magnitude(count) * width / total + 0.5L;

	return len >= width ? width : (unsigned)len;
}

/* U+2588 is a full block, U+2589 to U+258F are 7/8 down to 1/8 of one. */
static void put_blocks(struct strbuf *out, int64_t count, long double total)
{
	unsigned eighths = bar_length(count, total, BAR_WIDTH * 8);
	unsigned columns = (eighths + 7) / 8;

	for (unsigned i = 0; i < eighths / 8; i++)
		strbuf_add(out, "\xe2\x96\x88", 3);
	if (eighths % 8) {
		strbuf_add(out, "\xe2\x96", 2);
		strbuf_putc(out, (char)(0x88 + 8 - eighths % 8));
	}
	strbuf_fill(out, ' ', BAR_WIDTH - columns);
}

static void put_bar(struct strbuf *out, int64_t count, const struct dl_bar_scale *s)
{
	unsigned len;

	if (!s->has_negative) {
		strbuf_putc(out, '|');
		if (s->utf8) {
			put_blocks(out, count, s->total);
			return;
		}
		len = bar_length(count, s->total, BAR_WIDTH);
		strbuf_fill(out, '@', len);
		strbuf_fill(out, ' ', BAR_WIDTH - len);
	} else if (!s->has_positive) {
		len = bar_length(count, s->total, BAR_WIDTH);
		strbuf_fill(out, ' ', BAR_WIDTH - len);
		strbuf_fill(out, '@', len);
		strbuf_putc(out, '|');
	} else {
		unsigned half = BAR_WIDTH / 2;

		len = bar_length(count, s->total, half);
		strbuf_fill(out, ' ', count > 0 ? half : half - len);
		strbuf_fill(out, '@', count > 0 ? 0 : len);
		strbuf_putc(out, '|');
		strbuf_fill(out, '@', count > 0 ? len : 0);
		strbuf_fill(out, ' ', count > 0 ? half - len : half);
	}
}

void dl_bar_print(struct strbuf *out, int64_t count, int64_t factor,
		  const struct dl_bar_scale *scale)
{
	strbuf_putc(out, ' ');
	put_bar(out, count, scale);
	strbuf_printf(out, " %-9lld\n", (long long)dl_normalized(count, factor));
}

void dl_bar_header(struct strbuf *out, const char *title, unsigned width)
{
	strbuf_printf(out, "\n%*s %41s %-9s\n", (int)width, title,
		      "------------- Distribution -------------", "count");
}

/* Parts of the lquantize() parameter word. */
static int64_t linear_base(uint64_t param)
{
	return (int32_t)(uint32_t)param;
}

static uint32_t linear_step(uint64_t param)
{
	return (uint32_t)(param >> 48);
}

int64_t dl_bucket_low(const struct dl_aggdesc *d, uint32_t i, bool *has_low)
{
	*has_low = d->func == DL_AGG_QUANTIZE || i > 0;
	switch (d->func) {
	case DL_AGG_QUANTIZE: return dl_quantize_label((int)i);
	case DL_AGG_LQUANTIZE:
		return linear_base(d->param) + ((int64_t)i - !!i) * linear_step(d->param);
	case DL_AGG_LLQUANTIZE: return dl_llquantize_label(d->param, i ? i : 1);
	default: return 0;
	}
}

void dl_bucket_label(char *buf, size_t size, const struct dl_aggdesc *d, uint32_t i)
{
	bool has_low;
	long long low = dl_bucket_low(d, i, &has_low);
	uint32_t n = dl_agg_words(d->func, d->param);

	if (!has_low)
		snprintf(buf, size, "< %lld", low);
	else if (d->func != DL_AGG_QUANTIZE && i + 1 == n)
		snprintf(buf, size, ">= %lld", low);
	else
		snprintf(buf, size, "%lld", low);
}

/* Buckets with a count; false if there are none. */
static bool used_range(const int64_t *buckets, uint32_t n, struct dl_bin_range *ret)
{
	uint32_t first = 0, last = n;

	while (first < n && buckets[first] == 0)
		first++;
	if (first == n)
		return false;
	while (buckets[last - 1] == 0)
		last--;
	*ret = (struct dl_bin_range){ first, last - 1 };
	return true;
}

/* Rows to show: the used buckets and one more on each side. */
static struct dl_bin_range shown_range(const struct dl_aggdesc *d, const int64_t *buckets,
				       uint32_t n)
{
	struct dl_bin_range r;
	uint32_t all = dl_agg_words(d->func, d->param);

	if (used_range(buckets, n, &r)) {
		r.first -= r.first > 0;
		r.last += r.last + 1 < all;
		return r;
	}
	if (d->func == DL_AGG_QUANTIZE)
		return (struct dl_bin_range){ DL_QUANTIZE_ZERO - 1, DL_QUANTIZE_ZERO + 1 };
	return (struct dl_bin_range){ 0, d->func == DL_AGG_LQUANTIZE ? 2 : 1 };
}

static uint32_t usable(const struct dl_aggdesc *d, const int64_t *buckets, uint32_t n)
{
	uint32_t all = dl_agg_words(d->func, d->param);

	return !buckets ? 0 : n < all ? n : all;
}

void dl_histogram_print(struct strbuf *out, const struct dl_aggdesc *d, const int64_t *buckets,
			uint32_t n, int64_t factor, const struct dl_bar_style *style)
{
	n = usable(d, buckets, n);

	struct dl_bin_range r = shown_range(d, buckets, n);
	struct dl_bar_scale scale = dl_bar_scale_of(buckets, n, style);
	char label[32];

	dl_bar_header(out, "value", 16);
	for (uint32_t i = r.first; i <= r.last; i++) {
		dl_bucket_label(label, sizeof(label), d, i);
		strbuf_printf(out, "%16s", label);
		dl_bar_print(out, i < n ? buckets[i] : 0, factor, &scale);
	}
}

/* --- aggpack --- */

void dl_pack_extend(struct dl_bin_range *r, const struct dl_aggdesc *d, const int64_t *buckets,
		    uint32_t n)
{
	struct dl_bin_range used;

	n = usable(d, buckets, n);
	if (!used_range(buckets, n, &used))
		return;
	if (r->first > r->last) {
		*r = used;
		return;
	}
	if (used.first < r->first)
		r->first = used.first;
	if (used.last > r->last)
		r->last = used.last;
}

struct pack_labels {
	char min[32], max[32];
	int min_width, max_width;
	uint32_t bins;
};

static void label_pack(struct pack_labels *l, const struct dl_aggdesc *d, struct dl_bin_range r)
{
	if (r.first > r.last)
		r = shown_range(d, NULL, 0);
	dl_bucket_label(l->min, sizeof(l->min), d, r.first);
	dl_bucket_label(l->max, sizeof(l->max), d, r.last);
	l->min_width = strlen(l->min) < 3 ? 3 : (int)strlen(l->min);
	l->max_width = strlen(l->max) < 3 ? 3 : (int)strlen(l->max);
	l->bins = r.last - r.first + 1;
}

void dl_pack_header(struct strbuf *out, const struct dl_aggdesc *d, struct dl_bin_range r,
		    unsigned key_width)
{
	struct pack_labels l;

	label_pack(&l, d, r);
	strbuf_printf(out, "\n%*s %*s .", (int)key_width, "key", l.min_width, "min");
	strbuf_fill(out, '-', l.bins);
	strbuf_printf(out, ". %-*s | count\n", l.max_width, "max");
}

static void put_cell(struct strbuf *out, int64_t count, const struct dl_bar_scale *s)
{
	if (count == 0) {
		strbuf_putc(out, ' ');
	} else if (count < 0) {
		strbuf_putc(out, "vvvvVV"[bar_length(count, s->total, 5)]);
	} else if (s->utf8) {
		strbuf_add(out, "\xe2\x96", 2);
		strbuf_putc(out, (char)(0x81 + bar_length(count, s->total, 7)));
	} else {
		strbuf_putc(out, "__xxxxXX"[bar_length(count, s->total, 7)]);
	}
}

void dl_pack_row(struct strbuf *out, const struct dl_aggdesc *d, struct dl_bin_range r,
		 const int64_t *buckets, uint32_t n, int64_t factor,
		 const struct dl_bar_style *style)
{
	struct pack_labels l;
	uint64_t sum = 0;

	n = usable(d, buckets, n);
	if (r.first > r.last)
		r = shown_range(d, NULL, 0);
	label_pack(&l, d, r);

	struct dl_bar_scale scale = dl_bar_scale_of(buckets, n, style);

	strbuf_printf(out, " %*s :", l.min_width, l.min);
	for (uint32_t i = r.first; i <= r.last; i++) {
		int64_t count = i < n ? buckets[i] : 0;

		put_cell(out, count, &scale);
		sum += (uint64_t)count;
	}
	strbuf_printf(out, ": %-*s | %lld\n", l.max_width, l.max,
		      (long long)dl_normalized((int64_t)sum, factor));
}

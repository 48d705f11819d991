/*
 * Histograms of quantize(), lquantize() and llquantize(), and the bars that
 * aggregation tables draw.  Free of state: buckets in, text out.
 */
#ifndef DL_HISTOGRAM_H
#define DL_HISTOGRAM_H

#include "agg.h"
#include "strbuf.h"

struct dl_bar_style {
	bool zoom; /* aggzoom: the longest bar fills the width */
	bool utf8; /* block elements in place of '@' */
};

/* The bars of one table share a scale. */
struct dl_bar_scale {
	long double total; /* the count of a bar of full width */
	bool has_negative, has_positive;
	bool utf8;
};

/* Bins that the rows of an aggpack table show; first > last: none yet. */
struct dl_bin_range {
	uint32_t first, last;
};

static inline bool dl_agg_is_histogram(const struct dl_aggdesc *d)
{
	return d->func >= DL_AGG_QUANTIZE && d->func <= DL_AGG_LLQUANTIZE;
}

/* v divided by a normalisation factor; 0 counts as 1. */
int64_t dl_normalized(int64_t v, int64_t factor);

/*
 * Newline, heading and one line per bucket.  buckets: n words, as in struct
 * dl_agg_entry; fewer than the function has, or none, count as zero.
 */
void dl_histogram_print(struct strbuf *out, const struct dl_aggdesc *d, const int64_t *buckets,
			uint32_t n, int64_t factor, const struct dl_bar_style *style);

/* Scale of bars over n counts. */
struct dl_bar_scale dl_bar_scale_of(const int64_t *counts, uint32_t n,
				    const struct dl_bar_style *style);
/* "\n", the title right-aligned in width columns, "Distribution", "count", "\n". */
void dl_bar_header(struct strbuf *out, const char *title, unsigned width);
/* " " bar " " count "\n": what follows a row's label. */
void dl_bar_print(struct strbuf *out, int64_t count, int64_t factor,
		  const struct dl_bar_scale *scale);

/* Label of bucket i as the rows show it: "16", "< 0", ">= 100". */
void dl_bucket_label(char *buf, size_t size, const struct dl_aggdesc *d, uint32_t i);
/* Where the bucket starts; *has_low is false for the one below all others. */
int64_t dl_bucket_low(const struct dl_aggdesc *d, uint32_t i, bool *has_low);

/* aggpack: a histogram as one line of cells. */
void dl_pack_extend(struct dl_bin_range *r, const struct dl_aggdesc *d, const int64_t *buckets,
		    uint32_t n);
void dl_pack_header(struct strbuf *out, const struct dl_aggdesc *d, struct dl_bin_range r,
		    unsigned key_width);
void dl_pack_row(struct strbuf *out, const struct dl_aggdesc *d, struct dl_bin_range r,
		 const int64_t *buckets, uint32_t n, int64_t factor,
		 const struct dl_bar_style *style);

#endif

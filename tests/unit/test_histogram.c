/*
 * Histograms byte for byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../dlang/histogram.h"

#define HEAD "\n           value  ------------- Distribution ------------- count    \n"

static const struct dl_aggdesc quantize = { .func = DL_AGG_QUANTIZE, .func_known = true };
static const struct dl_bar_style plain = { 0 };

/* lquantize(x, 0, 100, 10) */
static const struct dl_aggdesc linear = { .func = DL_AGG_LQUANTIZE,
					  .param = 10ull << 48 | 10ull << 32 };

static const char *drawn(const struct dl_aggdesc *d, const int64_t *b, uint32_t n, int64_t factor,
			 const struct dl_bar_style *style)
{
	static struct strbuf out;

	strbuf_reset(&out);
	dl_histogram_print(&out, d, b, n, factor, style);
	return strbuf_text(&out);
}

static void shows_one_bucket_more_on_each_side(void **state)
{
	int64_t b[DL_QUANTIZE_BUCKETS] = { 0 };

	(void)state;
	b[66] = 2; /* 4 */
	b[67] = 1; /* 8 */
	assert_string_equal(
		drawn(&quantize, b, DL_QUANTIZE_BUCKETS, 1, &plain),
		HEAD "               2 |                                         0        \n"
		     "               4 |@@@@@@@@@@@@@@@@@@@@@@@@@@@              2        \n"
		     "               8 |@@@@@@@@@@@@@                            1        \n"
		     "              16 |                                         0        \n");
}

static void without_counts_shows_the_buckets_around_zero(void **state)
{
	const char *expect =
		HEAD "              -1 |                                         0        \n"
		     "               0 |                                         0        \n"
		     "               1 |                                         0        \n";
	int64_t b[DL_QUANTIZE_BUCKETS] = { 0 };

	(void)state;
	assert_string_equal(drawn(&quantize, b, DL_QUANTIZE_BUCKETS, 1, &plain), expect);
	assert_string_equal(drawn(&quantize, NULL, 0, 1, &plain), expect);
}

static void normalization_changes_numbers_only(void **state)
{
	int64_t b[DL_QUANTIZE_BUCKETS] = { 0 };

	(void)state;
	b[63] = 1000;
	assert_string_equal(
		drawn(&quantize, b, DL_QUANTIZE_BUCKETS, 10, &plain),
		HEAD "              -1 |                                         0        \n"
		     "               0 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@ 100      \n"
		     "               1 |                                         0        \n");
}

static void negative_counts_grow_to_the_left(void **state)
{
	int64_t b[DL_QUANTIZE_BUCKETS] = { 0 };

	(void)state;
	b[64] = -3;
	b[65] = -1;
	assert_string_equal(
		drawn(&quantize, b, DL_QUANTIZE_BUCKETS, 1, &plain),
		HEAD "               0                                         | 0        \n"
		     "               1           @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@| -3       \n"
		     "               2                               @@@@@@@@@@| -1       \n"
		     "               4                                         | 0        \n");
}

static void mixed_counts_share_the_width(void **state)
{
	int64_t b[DL_QUANTIZE_BUCKETS] = { 0 };

	(void)state;
	b[64] = 3;
	b[65] = -1;
	assert_string_equal(
		drawn(&quantize, b, DL_QUANTIZE_BUCKETS, 1, &plain),
		HEAD "               0                     |                     0        \n"
		     "               1                     |@@@@@@@@@@@@@@@      3        \n"
		     "               2                @@@@@|                     -1       \n"
		     "               4                     |                     0        \n");
}

static void the_ends_of_the_array_have_no_neighbour(void **state)
{
	int64_t b[DL_QUANTIZE_BUCKETS] = { 0 };

	(void)state;
	b[0] = 1;
	assert_string_equal(
		drawn(&quantize, b, DL_QUANTIZE_BUCKETS, 1, &plain),
		HEAD "-4611686018427387904 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@ 1        \n"
		     "-2305843009213693952 |                                         0        \n");
	b[0] = 0;
	b[126] = 1;
	assert_string_equal(
		drawn(&quantize, b, DL_QUANTIZE_BUCKETS, 1, &plain),
		HEAD "2305843009213693952 |                                         0        \n"
		     "4611686018427387904 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@ 1        \n");
}

static void zoom_scales_by_the_longest_bar(void **state)
{
	const struct dl_bar_style zoom = { .zoom = true };
	int64_t b[DL_QUANTIZE_BUCKETS] = { 0 };

	(void)state;
	b[63] = 10;
	b[64] = 10;
	assert_string_equal(
		drawn(&quantize, b, DL_QUANTIZE_BUCKETS, 1, &zoom),
		HEAD "              -1 |                                         0        \n"
		     "               0 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@   10       \n"
		     "               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@   10       \n"
		     "               2 |                                         0        \n");
}

static void utf8_bars_end_in_partial_blocks(void **state)
{
	const struct dl_bar_style utf8 = { .utf8 = true };
	int64_t b[DL_QUANTIZE_BUCKETS] = { 0 };
	const char *text;

	(void)state;
	b[63] = 319;
	b[64] = 1;
	text = drawn(&quantize, b, DL_QUANTIZE_BUCKETS, 1, &utf8);
	/* 319/320 of 40 columns are 39 full blocks and one of 7/8. */
	assert_non_null(strstr(text, "\xe2\x96\x88\xe2\x96\x89 319"));
	assert_non_null(strstr(text, "1 |\xe2\x96\x8f                                        1 "));
}

static void linear_labels_name_both_ends(void **state)
{
	int64_t b[12] = { 0 };

	(void)state;
	b[0] = 1;
	b[11] = 1;
	b[1] = 2;
	assert_string_equal(
		drawn(&linear, b, 12, 1, &plain),
		HEAD "             < 0 |@@@@@@@@@@                               1        \n"
		     "               0 |@@@@@@@@@@@@@@@@@@@@                     2        \n"
		     "              10 |                                         0        \n"
		     "              20 |                                         0        \n"
		     "              30 |                                         0        \n"
		     "              40 |                                         0        \n"
		     "              50 |                                         0        \n"
		     "              60 |                                         0        \n"
		     "              70 |                                         0        \n"
		     "              80 |                                         0        \n"
		     "              90 |                                         0        \n"
		     "          >= 100 |@@@@@@@@@@                               1        \n");
	assert_string_equal(
		drawn(&linear, NULL, 0, 1, &plain),
		HEAD "             < 0 |                                         0        \n"
		     "               0 |                                         0        \n"
		     "              10 |                                         0        \n");
}

static void log_linear_labels_are_lower_bounds(void **state)
{
	/* llquantize(x, 10, 0, 1, 10) */
	const struct dl_aggdesc ll = { .func = DL_AGG_LLQUANTIZE,
				       .param = 10ull << 48 | 0ull << 32 | 1ull << 16 | 10 };
	uint32_t n = dl_agg_words(ll.func, ll.param);
	int64_t b[64] = { 0 };

	(void)state;
	assert_true(n > 2 && n <= 64);
	b[n - 1] = 4;
	assert_string_equal(
		drawn(&ll, b, n, 1, &plain),
		HEAD "              90 |                                         0        \n"
		     "          >= 100 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@ 4        \n");
	assert_string_equal(
		drawn(&ll, NULL, 0, 1, &plain),
		HEAD "             < 1 |                                         0        \n"
		     "               1 |                                         0        \n");
}

static void packs_a_histogram_into_a_line(void **state)
{
	struct dl_bin_range r = { 1, 0 };
	int64_t a[DL_QUANTIZE_BUCKETS] = { 0 }, b[DL_QUANTIZE_BUCKETS] = { 0 };
	struct strbuf out = { 0 };

	(void)state;
	a[64] = 7;
	b[66] = 1;
	b[67] = -1;
	dl_pack_extend(&r, &quantize, a, DL_QUANTIZE_BUCKETS);
	dl_pack_extend(&r, &quantize, b, DL_QUANTIZE_BUCKETS);
	dl_pack_header(&out, &quantize, r, 5);
	dl_pack_row(&out, &quantize, r, a, DL_QUANTIZE_BUCKETS, 1, &plain);
	dl_pack_row(&out, &quantize, r, b, DL_QUANTIZE_BUCKETS, 1, &plain);
	assert_string_equal(strbuf_text(&out), "\n  key min .----. max | count\n"
					       "   1 :X   : 8   | 7\n"
					       "   1 :  xv: 8   | 0\n");
	strbuf_deinit(&out);
}

static void huge_counts_and_odd_factors_are_no_trap(void **state)
{
	int64_t b[DL_QUANTIZE_BUCKETS] = { 0 };

	(void)state;
	b[63] = INT64_MIN;
	b[64] = INT64_MIN;
	assert_non_null(strstr(drawn(&quantize, b, DL_QUANTIZE_BUCKETS, -1, &plain), "@"));
	assert_int_equal(dl_normalized(7, 0), 7);
	assert_int_equal(dl_normalized(-7, 2), -3);
	assert_true(dl_normalized(INT64_MIN, -1) == INT64_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_one_bucket_more_on_each_side),
		cmocka_unit_test(without_counts_shows_the_buckets_around_zero),
		cmocka_unit_test(normalization_changes_numbers_only),
		cmocka_unit_test(negative_counts_grow_to_the_left),
		cmocka_unit_test(mixed_counts_share_the_width),
		cmocka_unit_test(the_ends_of_the_array_have_no_neighbour),
		cmocka_unit_test(zoom_scales_by_the_longest_bar),
		cmocka_unit_test(utf8_bars_end_in_partial_blocks),
		cmocka_unit_test(linear_labels_name_both_ends),
		cmocka_unit_test(log_linear_labels_are_lower_bounds),
		cmocka_unit_test(packs_a_histogram_into_a_line),
		cmocka_unit_test(huge_counts_and_odd_factors_are_no_trap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

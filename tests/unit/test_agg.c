/*
 * Aggregations: functions, buckets, limits, clear/trunc/normalize, merging.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dlang/agg.h"
#include "dlang/vec.h"

static const struct dl_value_desc int_key = { .kind = DL_VK_INT, .size = 8, .is_signed = true };

static struct dl_aggdesc desc(uint32_t id, enum dl_aggfunc func, uint64_t param)
{
	return (struct dl_aggdesc){ .id = id,
				    .name = "a",
				    .func = func,
				    .func_known = true,
				    .param = param,
				    .keys = &int_key,
				    .n_keys = 1,
				    .keys_known = true };
}

static bool update(struct dl_agg_set *s, uint32_t id, int64_t key, int64_t value)
{
	return dl_agg_update(s, id, (const uint8_t *)&key, 8, value, 1);
}

static const struct dl_agg_entry *find(struct dl_agg_set *s, uint32_t id, int64_t key)
{
	return dl_agg_find(s, id, (const uint8_t *)&key, 8);
}

static void scalar_functions_aggregate(void **state)
{
	static const int64_t values[] = { 5, -3, 10, 0 };
	static const int64_t want[] = { 4, 12, 3, -3, 10 };
	struct dl_agg_set *s = dl_agg_set_create(1 << 20);
	struct dl_aggdesc d[5];

	(void)state;
	for (uint32_t f = 0; f < 5; f++) {
		d[f] = desc(f, (enum dl_aggfunc)f, 0);
		assert_true(dl_agg_set_add(s, &d[f]));
		assert_true(dl_agg_set_add(s, &d[f]));
		for (size_t i = 0; i < ARRAY_SIZE(values); i++)
			assert_true(update(s, f, 1, values[i]));
		const struct dl_agg_entry *e = find(s, f, 1);

		assert_non_null(e);
		assert_int_equal(e->hits, 4);
		assert_int_equal(dl_agg_value(&d[f], e, 1), want[f]);
		assert_true(dl_agg_sortvalue(&d[f], e) == (long double)want[f]);
	}
	assert_null(find(s, 0, 2));
	assert_int_equal(dl_agg_value(&d[1], find(s, 1, 1), 5), 2);
	assert_int_equal(dl_agg_value(&d[2], find(s, 2, 1), 2), 1);
	dl_agg_set_destroy(s);
}

static void extremes_do_not_overflow(void **state)
{
	struct dl_agg_set *s = dl_agg_set_create(1 << 20);
	struct dl_aggdesc sum = desc(0, DL_AGG_SUM, 0), dev = desc(1, DL_AGG_STDDEV, 0);

	(void)state;
	dl_agg_set_add(s, &sum);
	dl_agg_set_add(s, &dev);
	update(s, 0, 1, INT64_MAX);
	update(s, 0, 1, 1);
	assert_int_equal(dl_agg_value(&sum, find(s, 0, 1), 1), INT64_MIN);
	assert_int_equal(dl_agg_value(&sum, find(s, 0, 1), -1), INT64_MIN);
	for (int i = 0; i < 4; i++)
		update(s, 1, 1, INT64_MIN);
	/* The squares fill 128 bits; the sum wraps to 0. */
	assert_int_equal(find(s, 1, 1)->values[3], 0);
	dl_agg_value(&dev, find(s, 1, 1), 1);
	dl_agg_set_destroy(s);
}

static void stddev_is_that_of_dtrace(void **state)
{
	static const int64_t values[] = { 2, 4, 4, 4, 5, 5, 7, 9 };
	struct dl_agg_set *s = dl_agg_set_create(1 << 20);
	struct dl_aggdesc d = desc(0, DL_AGG_STDDEV, 0);

	(void)state;
	dl_agg_set_add(s, &d);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		update(s, 0, 1, values[i] * 1000000000000);
	assert_int_equal(dl_agg_value(&d, find(s, 0, 1), 1), 2000000000000);
	assert_int_equal(dl_agg_value(&d, find(s, 0, 1), 1000000000), 2000);
	dl_agg_set_destroy(s);
}

static void quantize_buckets_and_labels_agree(void **state)
{
	static const struct {
		int64_t v;
		int bucket;
	} t[] = {
		{ 0, 63 },
		{ 1, 64 },
		{ 2, 65 },
		{ 3, 65 },
		{ 4, 66 },
		{ 7, 66 },
		{ -1, 62 },
		{ -2, 61 },
		{ -3, 61 },
		{ -4, 60 },
		{ -7, 60 },
		{ INT64_MAX, 126 },
		{ INT64_MIN, 0 },
		{ -((int64_t)1 << 62), 0 },
		{ -((int64_t)1 << 62) + 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		assert_int_equal(dl_quantize_bucket(t[i].v), t[i].bucket);
	for (int i = 0; i < DL_QUANTIZE_BUCKETS; i++)
		assert_int_equal(dl_quantize_bucket(dl_quantize_label(i)), i);
}

static void lquantize_clamps_and_truncates(void **state)
{
	uint64_t param = (uint64_t)10 << 48 | (uint64_t)9 << 32 | (uint32_t)-5; /* -5, 9 x 10 */

	(void)state;
	assert_int_equal(dl_agg_words(DL_AGG_LQUANTIZE, param), 11);
	assert_int_equal(dl_lquantize_bucket(param, -6), 0);
	assert_int_equal(dl_lquantize_bucket(param, -5), 1);
	assert_int_equal(dl_lquantize_bucket(param, 4), 1);
	assert_int_equal(dl_lquantize_bucket(param, 5), 2);
	assert_int_equal(dl_lquantize_bucket(param, 84), 9);
	assert_int_equal(dl_lquantize_bucket(param, 85), 10);
	assert_int_equal(dl_lquantize_bucket(param, INT32_MAX), 10);
	assert_int_equal(dl_lquantize_bucket(param, INT64_C(0x100000000)), 1);
	assert_int_equal(dl_lquantize_bucket(0, INT64_MAX), 0);
}

static void llquantize_is_linear_within_magnitudes(void **state)
{
	/* factor 10, 10^0 .. 10^2, 20 steps */
	uint64_t param = (uint64_t)10 << 48 | (uint64_t)0 << 32 | (uint64_t)2 << 16 | 20;
	uint32_t words = dl_agg_words(DL_AGG_LLQUANTIZE, param), last = 0;

	(void)state;
	assert_int_equal(words, 1 + 9 + 18 + 18 + 1);
	assert_int_equal(dl_llquantize_bucket(param, 0), 0);
	assert_int_equal(dl_llquantize_bucket(param, -7), 0);
	assert_int_equal(dl_llquantize_bucket(param, 1), 1);
	assert_int_equal(dl_llquantize_bucket(param, 9), 9);
	assert_int_equal(dl_llquantize_bucket(param, 10), 10);
	assert_int_equal(dl_llquantize_bucket(param, 14), 10);
	assert_int_equal(dl_llquantize_bucket(param, 15), 11);
	assert_int_equal(dl_llquantize_bucket(param, 100), 28);
	assert_int_equal(dl_llquantize_bucket(param, 999), 45);
	assert_int_equal(dl_llquantize_bucket(param, 1000), 46);
	assert_int_equal(dl_llquantize_bucket(param, INT64_MAX), 46);
	for (int64_t v = 1; v <= 1000; v++) {
		uint32_t b = dl_llquantize_bucket(param, v);

		assert_true(b == last || b == last + 1);
		assert_true(dl_llquantize_label(param, b) <= v);
		assert_true(b + 1 == words || dl_llquantize_label(param, b + 1) > v);
		last = b;
	}
	/* Nonsense parameters end, and stay inside. */
	for (uint64_t p = 0; p < 64; p++) {
		uint64_t odd = p * 0x9e3779b97f4a7c15u;

		assert_true(dl_llquantize_bucket(odd, INT64_MAX) <
			    dl_agg_words(DL_AGG_LLQUANTIZE, odd));
	}
}

static void quantizers_add_increments_and_rank_by_total(void **state)
{
	struct dl_agg_set *s = dl_agg_set_create(1 << 20);
	struct dl_aggdesc q = desc(0, DL_AGG_QUANTIZE, 0);
	struct dl_aggdesc l = desc(1, DL_AGG_LQUANTIZE, (uint64_t)10 << 48 | (uint64_t)9 << 32);
	int64_t key = 1;

	(void)state;
	dl_agg_set_add(s, &q);
	dl_agg_set_add(s, &l);
	dl_agg_update(s, 0, (uint8_t *)&key, 8, 8, 5);
	dl_agg_update(s, 0, (uint8_t *)&key, 8, -2, 1);
	assert_int_equal(find(s, 0, 1)->values[67], 5);
	assert_int_equal(dl_agg_value(&q, find(s, 0, 1), 1), 38);
	dl_agg_update(s, 1, (uint8_t *)&key, 8, 35, 2);
	dl_agg_update(s, 1, (uint8_t *)&key, 8, 1000, 1);
	dl_agg_update(s, 1, (uint8_t *)&key, 8, -9, 1);
	assert_true(dl_agg_sortvalue(&l, find(s, 1, 1)) == 2 * 30 + 91 - 1);
	dl_agg_set_destroy(s);
}

static void many_keys_are_all_found(void **state)
{
	struct dl_agg_set *s = dl_agg_set_create(64 << 20);
	struct dl_aggdesc d = desc(3, DL_AGG_SUM, 0);

	(void)state;
	dl_agg_set_add(s, &d);
	for (int64_t k = 0; k < 20000; k++)
		assert_true(update(s, 3, k << 32, k));
	assert_int_equal(dl_agg_count(s, 3), 20000);
	for (int64_t k = 0; k < 20000; k++)
		assert_int_equal(find(s, 3, k << 32)->values[0], k);
	assert_int_equal(*(const int64_t *)(const void *)dl_agg_entry(s, 3, 7)->key,
			 (int64_t)7 << 32);
	assert_null(dl_agg_entry(s, 3, 20000));
	dl_agg_set_destroy(s);
}

static void aggsize_limits_new_keys_only(void **state)
{
	struct dl_agg_set *s = dl_agg_set_create(200);
	struct dl_aggdesc d = desc(0, DL_AGG_COUNT, 0);
	unsigned n = 0;

	(void)state;
	dl_agg_set_add(s, &d);
	while (n < 100 && update(s, 0, n, 0))
		n++;
	assert_in_range(n, 1, 8);
	assert_true(update(s, 0, 0, 0));
	dl_agg_trunc(s, 0, 0);
	assert_true(update(s, 0, 99, 0));
	assert_false(update(s, 9, 1, 1));
	dl_agg_set_destroy(s);
}

static void clear_empties_but_keeps_keys(void **state)
{
	struct dl_agg_set *s = dl_agg_set_create(1 << 20);
	struct dl_aggdesc d = desc(0, DL_AGG_MIN, 0);

	(void)state;
	dl_agg_set_add(s, &d);
	update(s, 0, 1, 5);
	dl_agg_normalize(s, 0, 7);
	dl_agg_clear(s, 0);
	assert_int_equal(dl_agg_count(s, 0), 1);
	assert_int_equal(find(s, 0, 1)->hits, 0);
	assert_int_equal(dl_agg_value(&d, find(s, 0, 1), 1), 0);
	assert_int_equal(dl_agg_factor(s, 0), 7);
	update(s, 0, 1, 9);
	assert_int_equal(find(s, 0, 1)->values[0], 9);
	dl_agg_normalize(s, 0, 0);
	assert_int_equal(dl_agg_factor(s, 0), 7);
	dl_agg_normalize(s, 0, 1);
	assert_int_equal(dl_agg_factor(s, 0), 1);
	dl_agg_set_destroy(s);
}

static void trunc_keeps_the_largest_or_smallest(void **state)
{
	struct dl_agg_set *s = dl_agg_set_create(1 << 20);
	struct dl_aggdesc d = desc(0, DL_AGG_SUM, 0);

	(void)state;
	dl_agg_set_add(s, &d);
	for (int64_t k = 0; k < 100; k++)
		update(s, 0, k, (k * 37) % 100);
	dl_agg_trunc(s, 0, 200);
	assert_int_equal(dl_agg_count(s, 0), 100);
	dl_agg_trunc(s, 0, 10);
	assert_int_equal(dl_agg_count(s, 0), 10);
	for (size_t i = 0; i < 10; i++)
		assert_true(dl_agg_entry(s, 0, i)->values[0] >= 90);
	dl_agg_trunc(s, 0, -3);
	assert_int_equal(dl_agg_count(s, 0), 3);
	for (size_t i = 0; i < 3; i++)
		assert_in_range(dl_agg_entry(s, 0, i)->values[0], 90, 92);
	assert_true(update(s, 0, 1000, 1));
	assert_non_null(find(s, 0, 1000));
	dl_agg_trunc(s, 0, 0);
	assert_int_equal(dl_agg_count(s, 0), 0);
	assert_true(dl_agg_used(s, 0));
	dl_agg_trunc(s, 0, INT64_MIN);
	dl_agg_set_destroy(s);
}

static void an_aggregation_is_used_once_it_had_an_entry(void **state)
{
	struct dl_agg_set *s = dl_agg_set_create(1 << 20);
	struct dl_aggdesc a = desc(0, DL_AGG_SUM, 0), b = desc(1, DL_AGG_COUNT, 0);
	struct dl_aggdesc unknown = { .id = 2, .name = "u" };

	(void)state;
	dl_agg_set_add(s, &a);
	dl_agg_set_add(s, &b);
	dl_agg_set_add(s, &unknown);
	assert_false(dl_agg_used(s, 1));
	update(s, 1, 1, 1);
	update(s, 0, 1, 1);
	assert_true(dl_agg_used(s, 1));
	assert_true(dl_agg_used(s, 0));
	assert_false(update(s, 2, 1, 1));
	dl_agg_set_destroy(s);
}

static void merging_equals_updating(void **state)
{
	(void)state;
	for (unsigned f = 0; f <= DL_AGG_QUANTIZE; f++) {
		struct dl_agg_set *one = dl_agg_set_create(1 << 20),
				  *two = dl_agg_set_create(1 << 20);
		struct dl_aggdesc d = desc(0, (enum dl_aggfunc)f, 0);
		int64_t key = 5;

		dl_agg_set_add(one, &d);
		dl_agg_set_add(two, &d);
		for (int64_t v = -5; v < 20; v++) {
			update(one, 0, 5, v * (1ll << 40));
			if (v < 3)
				update(two, 0, 5, v * (1ll << 40));
		}
		struct dl_agg_set *part = dl_agg_set_create(1 << 20);

		dl_agg_set_add(part, &d);
		for (int64_t v = 3; v < 20; v++)
			update(part, 0, 5, v * (1ll << 40));
		const struct dl_agg_entry *e = find(part, 0, 5), *x, *y;

		assert_true(
			dl_agg_merge(two, 0, (uint8_t *)&key, 8, e->values, e->n_values, e->hits));
		assert_false(dl_agg_merge(two, 0, (uint8_t *)&key, 8, e->values, 3, e->hits));
		x = find(one, 0, 5);
		y = find(two, 0, 5);
		assert_int_equal(x->hits, y->hits);
		assert_memory_equal(x->values, y->values, 8 * x->n_values);
		dl_agg_set_destroy(one);
		dl_agg_set_destroy(two);
		dl_agg_set_destroy(part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalar_functions_aggregate),
		cmocka_unit_test(extremes_do_not_overflow),
		cmocka_unit_test(stddev_is_that_of_dtrace),
		cmocka_unit_test(quantize_buckets_and_labels_agree),
		cmocka_unit_test(lquantize_clamps_and_truncates),
		cmocka_unit_test(llquantize_is_linear_within_magnitudes),
		cmocka_unit_test(quantizers_add_increments_and_rank_by_total),
		cmocka_unit_test(many_keys_are_all_found),
		cmocka_unit_test(aggsize_limits_new_keys_only),
		cmocka_unit_test(clear_empties_but_keeps_keys),
		cmocka_unit_test(trunc_keeps_the_largest_or_smallest),
		cmocka_unit_test(an_aggregation_is_used_once_it_had_an_entry),
		cmocka_unit_test(merging_equals_updating),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

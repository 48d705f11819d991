/*
 * printa(), the tables at the end of the run, and their sorting.
 */
#include "consumer.h"

#define TOP "\n           value  ------------- Distribution ------------- count    \n"

static const char *const quiet[] = { "quiet", NULL, NULL };

/* Aggregations a (0) and b (1) with keys of the given descriptors. */
static void define(struct rig *r, uint32_t id, enum dl_aggfunc func, uint64_t param,
		   const struct dl_value_desc *keys, uint32_t n_keys)
{
	r->aggs[id] = (struct dl_aggdesc){ .id = id,
					   .name = id ? "b" : "a",
					   .func = func,
					   .func_known = true,
					   .param = param,
					   .keys = keys,
					   .n_keys = n_keys,
					   .keys_known = true };
}

static void add_int_key(struct rig *r, uint32_t id, int64_t key, int64_t value)
{
	assert_true(dl_agg_update(dl_state_aggs(r->state), id, (uint8_t *)&key, 8, value, 1));
}

static void add_str_key(struct rig *r, uint32_t id, const char *key, int64_t value)
{
	uint64_t words[8] = { 0 };
	uint32_t n = (uint32_t)strlen(key);

	memcpy(words, &n, 4);
	memcpy((char *)words + 4, key, n);
	assert_true(dl_agg_update(dl_state_aggs(r->state), id, (uint8_t *)words, (n + 4 + 7) & ~7u,
				  value, 1));
}

/* Consumes one record whose only action is a; its data is words. */
static const char *consume(struct rig *r, struct dl_action *a, const int64_t *words, uint32_t n)
{
	struct dl_clause clause = { .records = true, .actions = a, .n_actions = 1 };
	struct entry e = { 0 };
	uint32_t epid = rig_enable(r, &clause, 1, "dtrace", "", "END");

	item_begin(&e, 0);
	for (uint32_t i = 0; i < n; i++)
		item_int(&e, words[i]);
	entry_commit(r, &e, epid);
	return rig_output(r);
}

static const char *printa(struct rig *r, uint32_t n_aggs, const struct dl_format *format)
{
	const struct dl_aggdesc *aggs[] = { &r->aggs[0], &r->aggs[1] };
	struct dl_action a = {
		.kind = DL_ACT_PRINTA, .format = format, .aggs = aggs, .n_aggs = n_aggs
	};

	return consume(r, &a, NULL, 0);
}

static void the_end_prints_what_no_printa_did(void **state)
{
	struct rig r = { 0 };

	(void)state;
	define(&r, 0, DL_AGG_COUNT, 0, &str_desc, 1);
	define(&r, 1, DL_AGG_SUM, 0, NULL, 0);
	rig_start_with(&r, false, 2, quiet);
	assert_true(dl_agg_update(dl_state_aggs(r.state), 1, NULL, 0, -5, 1));
	add_str_key(&r, 0, "two", 0);
	add_str_key(&r, 0, "two", 0);
	add_str_key(&r, 0, "one", 0);
	/* b had data first; a is named first. */
	assert_string_equal(
		rig_end(&r),
		"\n"
		"  one                                                               1\n"
		"  two                                                               2\n"
		"               -5\n");
	rig_stop(&r);
	r = (struct rig){ 0 };
	define(&r, 0, DL_AGG_COUNT, 0, &str_desc, 1);
	rig_start_with(&r, false, 1, quiet);
	add_str_key(&r, 0, "one", 0);
	assert_string_equal(
		printa(&r, 1, NULL),
		"\n  one                                                               1\n");
	assert_string_equal(
		rig_end(&r),
		"\n  one                                                               1\n\n");
	rig_stop(&r);
}

static void test_mode_ends_without_a_newline(void **state)
{
	struct rig r = { 0 };

	(void)state;
	define(&r, 0, DL_AGG_COUNT, 0, NULL, 0);
	rig_start_with(&r, true, 1, quiet);
	assert_true(dl_agg_update(dl_state_aggs(r.state), 0, NULL, 0, 0, 1));
	assert_string_equal(rig_end(&r), "                1\n");
	rig_stop(&r);
}

static const char *sorted(const char *const *options)
{
	static char text[512];
	struct rig r = { 0 };

	define(&r, 0, DL_AGG_SUM, 0, &i64_desc, 1);
	rig_start_with(&r, true, 1, options);
	add_int_key(&r, 0, 1, 30);
	add_int_key(&r, 0, -1, 10);
	add_int_key(&r, 0, 2, 20);
	add_int_key(&r, 0, 0, 20);
	snprintf(text, sizeof(text), "%s", rig_end(&r));
	rig_stop(&r);
	return text;
}

#define ROW(k, v) "               " k "               " v "\n"

static void rows_sort_by_value_then_key(void **state)
{
	const char *rev[] = { "aggsortrev", NULL, NULL };
	const char *key[] = { "aggsortkey", NULL, NULL };
	const char *both[] = { "aggsortkey", NULL, "aggsortrev", NULL, NULL };

	(void)state;
	assert_string_equal(sorted(NULL),
			    ROW("-1", "10") ROW(" 0", "20") ROW(" 2", "20") ROW(" 1", "30"));
	assert_string_equal(sorted(rev),
			    ROW(" 1", "30") ROW(" 2", "20") ROW(" 0", "20") ROW("-1", "10"));
	/* Keys compare unsigned. */
	assert_string_equal(sorted(key),
			    ROW(" 0", "20") ROW(" 1", "30") ROW(" 2", "20") ROW("-1", "10"));
	assert_string_equal(sorted(both),
			    ROW("-1", "10") ROW(" 2", "20") ROW(" 1", "30") ROW(" 0", "20"));
}

static void aggsortkeypos_starts_at_that_key_and_wraps(void **state)
{
	const char *options[] = { "aggsortkey", NULL, "aggsortkeypos", "1", NULL };
	const struct dl_value_desc keys[] = { i32_desc, i32_desc };
	const int64_t tuples[][2] = { { 2, 1 }, { 1, 2 }, { 1, 1 } };
	struct rig r = { 0 };

	(void)state;
	define(&r, 0, DL_AGG_COUNT, 0, keys, 2);
	rig_start_with(&r, true, 1, options);
	for (int i = 0; i < 3; i++)
		assert_true(dl_agg_update(dl_state_aggs(r.state), 0, (const uint8_t *)tuples[i], 16,
					  0, 1));
	assert_string_equal(rig_end(&r), "        1        1                1\n"
					 "        2        1                1\n"
					 "        1        2                1\n");
	rig_stop(&r);
}

static void several_aggregations_join_by_key(void **state)
{
	const char *options[] = { "quiet", NULL, NULL };
	const char *second[] = { "quiet", NULL, "aggsortpos", "1", NULL };
	const struct dl_conv convs[] = {
		{ .text = "", .conv = 'd' },
		{ .text = ":", .text_len = 1, .conv = 'd', .flags = DL_CF_AGG },
		{ .text = "/", .text_len = 1, .conv = 'd', .flags = DL_CF_AGG },
		{ .text = ";", .text_len = 1 },
	};
	const struct dl_format format = { convs, 4 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct rig r = { 0 };

		define(&r, 0, DL_AGG_COUNT, 0, &i32_desc, 1);
		define(&r, 1, DL_AGG_MAX, 0, &i32_desc, 1);
		rig_start_with(&r, true, 2, i ? second : options);
		add_int_key(&r, 0, 1, 0);
		add_int_key(&r, 1, 1, 9);
		add_int_key(&r, 1, 2, -4);
		add_int_key(&r, 0, 3, 0);
		add_int_key(&r, 0, 3, 0);
		assert_string_equal(printa(&r, 2, &format),
				    i ? "2:0/-4;3:2/0;1:1/9;" : "2:0/-4;1:1/9;3:2/0;");
		assert_string_equal(rig_end(&r) + 19, "");
		rig_stop(&r);
	}
}

static void joined_histograms_show_empty_ones(void **state)
{
	struct rig r = { 0 };

	(void)state;
	define(&r, 0, DL_AGG_QUANTIZE, 0, &i32_desc, 1);
	define(&r, 1, DL_AGG_COUNT, 0, &i32_desc, 1);
	rig_start_with(&r, true, 2, quiet);
	add_int_key(&r, 1, 5, 0);
	assert_string_equal(printa(&r, 2, NULL),
			    "\n        5" TOP
			    "              -1 |                                         0        \n"
			    "               0 |                                         0        \n"
			    "               1 |                                         0        \n"
			    "                1\n");
	rig_stop(&r);
}

static void a_histogram_has_an_empty_line_after_it(void **state)
{
	struct rig r = { 0 };

	(void)state;
	define(&r, 0, DL_AGG_QUANTIZE, 0, &i32_desc, 1);
	rig_start_with(&r, true, 1, quiet);
	add_int_key(&r, 0, 5, 1);
	assert_string_equal(
		rig_end(&r),
		"        5" TOP
		"               0 |                                         0        \n"
		"               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@ 1        \n"
		"               2 |                                         0        \n\n");
	rig_stop(&r);
}

static void stack_keys_put_the_value_on_its_own_line(void **state)
{
	const struct dl_value_desc stack = { .kind = DL_VK_USTACK, .size = 10 };
	const uint64_t key[] = { 7, 2, 1, 2 };
	struct rig r = { 0 };

	(void)state;
	define(&r, 0, DL_AGG_COUNT, 0, &stack, 1);
	rig_start_with(&r, true, 1, quiet);
	assert_true(dl_agg_update(dl_state_aggs(r.state), 0, (const uint8_t *)key, 32, 0, 1));
	assert_string_equal(rig_end(&r), "\n              a7`f+0x1\n              a7`f+0x2\n"
					 "                1\n");
	rig_stop(&r);
}

static void clear_trunc_and_normalize_act_in_order(void **state)
{
	struct rig r = { 0 };
	const struct dl_aggdesc *aggs[] = { &r.aggs[0] };
	struct dl_action clear = { .kind = DL_ACT_CLEAR, .aggs = aggs, .n_aggs = 1 };
	struct dl_action normalize = { .kind = DL_ACT_NORMALIZE,
				       .fields = &i64_desc,
				       .n_fields = 1,
				       .aggs = aggs,
				       .n_aggs = 1 };
	struct dl_action denormalize = { .kind = DL_ACT_DENORMALIZE, .aggs = aggs, .n_aggs = 1 };
	struct dl_action trunc = { .kind = DL_ACT_TRUNC,
				   .fields = &i64_desc,
				   .n_fields = 1,
				   .has_arg = true,
				   .aggs = aggs,
				   .n_aggs = 1 };
	const struct dl_conv convs[] = {
		{ .text = "", .conv = 'd' },
		{ .text = "=", .text_len = 1, .conv = 'd', .flags = DL_CF_AGG },
		{ .text = " ", .text_len = 1 },
	};
	const struct dl_format format = { convs, 3 };

	(void)state;
	define(&r, 0, DL_AGG_MIN, 0, &i32_desc, 1);
	rig_start_with(&r, true, 1, quiet);
	add_int_key(&r, 0, 1, 100);
	add_int_key(&r, 0, 2, -20);
	consume(&r, &normalize, (int64_t[]){ 10 }, 1);
	assert_string_equal(printa(&r, 1, &format), "2=-2 1=10 ");
	consume(&r, &normalize, (int64_t[]){ 0 }, 1);
	assert_non_null(strstr(strbuf_text(&r.messages), "normalize() by 0 is ignored"));
	consume(&r, &denormalize, NULL, 0);
	assert_string_equal(printa(&r, 1, &format) + 10, "2=-20 1=100 ");
	consume(&r, &trunc, (int64_t[]){ 1 }, 1);
	assert_string_equal(printa(&r, 1, &format) + 22, "1=100 ");
	consume(&r, &clear, NULL, 0);
	assert_string_equal(printa(&r, 1, &format) + 28, "1=0 ");
	rig_stop(&r);
}

static void agghist_draws_one_bar_per_key(void **state)
{
	const char *options[] = { "agghist", NULL, NULL };
	struct rig r = { 0 };

	(void)state;
	define(&r, 0, DL_AGG_COUNT, 0, &str_desc, 1);
	rig_start_with(&r, true, 1, options);
	add_str_key(&r, 0, "ls", 0);
	add_str_key(&r, 0, "cat", 0);
	add_str_key(&r, 0, "cat", 0);
	add_str_key(&r, 0, "cat", 0);
	assert_string_equal(
		rig_end(&r),
		"\n"
		"              key  ------------- Distribution ------------- count    \n"
		"               ls |@@@@@@@@@@                               1        \n"
		"              cat |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@           3        \n");
	rig_stop(&r);
}

static void aggpack_draws_one_line_per_key(void **state)
{
	const char *options[] = { "aggpack", NULL, "encoding", "ascii", NULL };
	struct rig r = { 0 };

	(void)state;
	define(&r, 0, DL_AGG_QUANTIZE, 0, &i32_desc, 1);
	rig_start_with(&r, true, 1, options);
	add_int_key(&r, 0, 1, 2);
	add_int_key(&r, 0, 2, 8);
	assert_string_equal(rig_end(&r), "\n"
					 "      key min .---. max | count\n"
					 "        1   2 :X  : 8   | 1\n"
					 "        2   2 :  X: 8   | 1\n");
	rig_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_prints_what_no_printa_did),
		cmocka_unit_test(test_mode_ends_without_a_newline),
		cmocka_unit_test(rows_sort_by_value_then_key),
		cmocka_unit_test(aggsortkeypos_starts_at_that_key_and_wraps),
		cmocka_unit_test(several_aggregations_join_by_key),
		cmocka_unit_test(joined_histograms_show_empty_ones),
		cmocka_unit_test(a_histogram_has_an_empty_line_after_it),
		cmocka_unit_test(stack_keys_put_the_value_on_its_own_line),
		cmocka_unit_test(clear_trunc_and_normalize_act_in_order),
		cmocka_unit_test(agghist_draws_one_bar_per_key),
		cmocka_unit_test(aggpack_draws_one_line_per_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

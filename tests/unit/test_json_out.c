/*
 * -x oformat=json: whatever a target says, every line is sound JSON.
 */
#include "consumer.h"

#include "../../dlang/json_out.h"

static const char *const json[] = { "oformat", "json", NULL };

/* The record lines: without the header, whose clock and host vary. */
static const char *body(const char *text)
{
	const char *nl = strchr(text, '\n');

	assert_non_null(nl);
	assert_memory_equal(text, "{\"v\":1,\"type\":\"header\",\"timestamp\":", 35);
	return nl + 1;
}

#define WHO                                                                                  \
	"\"pid\":42,\"tid\":43,\"cpu\":3,\"epid\":1,\"probe\":{\"id\":7,\"provider\":\"p\"," \
	"\"module\":\"\",\"function\":\"f\",\"name\":\"n\"}"
#define RECORD "{\"v\":1,\"type\":\"record\",\"timestamp\":123456789," WHO ",\"data\":["

static void a_record_keeps_types_and_signs(void **state)
{
	static const struct dl_value_desc u64 = { .kind = DL_VK_INT, .size = 8 };
	const struct dl_value_desc fields[] = { i32_desc, u64 };
	const struct dl_action a[] = {
		{ .kind = DL_ACT_TRACE, .fields = &fields[0], .n_fields = 1 },
		{ .kind = DL_ACT_TRACE, .fields = &fields[1], .n_fields = 1 },
	};
	const struct dl_clause clause = { .records = true, .actions = a, .n_actions = 2 };
	struct rig r = { 0 };
	struct entry e = { 0 };

	(void)state;
	rig_start(&r, json);
	uint32_t epid = rig_enable(&r, &clause, 7, "p", "f", "n");

	item_begin(&e, 0);
	item_int(&e, -1);
	item_begin(&e, 1);
	item_int(&e, -1);
	entry_commit(&r, &e, epid);
	assert_string_equal(body(rig_end(&r)), RECORD
			    "{\"action\":\"trace\",\"values\":[{\"kind\":\"int\",\"value\":-1}]},"
			    "{\"action\":\"trace\",\"values\":[{\"kind\":\"int\","
			    "\"value\":18446744073709551615}]}]}\n");
	rig_stop(&r);
}

static const char *traced_string(const char *const *options, const char *text)
{
	static char line[4096];
	const struct dl_action a = { .kind = DL_ACT_TRACE, .fields = &str_desc, .n_fields = 1 };
	const struct dl_clause clause = { .records = true, .actions = &a, .n_actions = 1 };
	struct rig r = { 0 };
	struct entry e = { 0 };

	rig_start(&r, options);
	uint32_t epid = rig_enable(&r, &clause, 7, "p", "f", "n");

	item_begin(&e, 0);
	item_str(&e, text);
	entry_commit(&r, &e, epid);
	snprintf(line, sizeof(line), "%s", strchr(rig_end(&r), '\n') + 1);
	rig_stop(&r);
	return line;
}

#define STRING RECORD "{\"action\":\"trace\",\"values\":[{\"kind\":\"string\",\"value\":"

static void hostile_strings_are_escaped(void **state)
{
	(void)state;
	assert_string_equal(traced_string(json, "a\"b\\c\n\t\x01/\x7f"),
			    STRING "\"a\\\"b\\\\c\\n\\t\\u0001/\x7f\"}]}]}\n");
	assert_string_equal(traced_string(json, "\xc3\xa9\xf0\x9f\x98\x80"),
			    STRING "\"\xc3\xa9\xf0\x9f\x98\x80\"}]}]}\n");
}

#define BAD "\xef\xbf\xbd"

static void invalid_utf8_is_replaced_and_kept_in_hex(void **state)
{
	(void)state;
	/* a stray byte, an overlong slash, a surrogate, a cut sequence, beyond U+10FFFF */
	assert_string_equal(traced_string(json, "x\xff"),
			    STRING "\"x" BAD "\",\"hex\":\"78ff\"}]}]}\n");
	assert_string_equal(traced_string(json, "\xc0\xaf"),
			    STRING "\"" BAD BAD "\",\"hex\":\"c0af\"}]}]}\n");
	assert_string_equal(traced_string(json, "\xed\xa0\x80"),
			    STRING "\"" BAD BAD BAD "\",\"hex\":\"eda080\"}]}]}\n");
	assert_string_equal(traced_string(json, "\xe2\x82"),
			    STRING "\"" BAD BAD "\",\"hex\":\"e282\"}]}]}\n");
	assert_string_equal(traced_string(json, "\xf4\x90\x80\x80"),
			    STRING "\"" BAD BAD BAD BAD "\",\"hex\":\"f4908080\"}]}]}\n");
}

static void a_string_that_filled_strsize_is_marked(void **state)
{
	const char *options[] = { "strsize", "4", "oformat", "json", NULL };

	(void)state;
	const char *first = STRING "\"abc\",\"cut\":true}]}]}\n";
	const char *got = traced_string(options, "abc");

	assert_memory_equal(got, first, strlen(first));
	got += strlen(first);
	assert_non_null(strstr(got, "\"type\":\"drop\""));
	assert_non_null(strstr(got, "\"kind\":\"STRSIZE\",\"count\":1,"
				    "\"message\":\"1 string filled strsize\"}\n"));
	assert_string_equal(traced_string(options, "ab"), STRING "\"ab\"}]}]}\n");
}

static void xml_and_html_carry_the_same_tree(void **state)
{
	const char *xml[] = { "oformat", "xml", NULL }, *html[] = { "oformat", "html", NULL };
	const char *text;

	(void)state;
	text = strstr(traced_string(xml, "<&\x01"), "<record>");
	assert_non_null(text);
	assert_non_null(strstr(text, "<probe><id>7</id><provider>p</provider><module></module>"));
	assert_non_null(strstr(text, "<values><kind>string</kind><value>&lt;&amp;" BAD
				     "</value></values></data></record>\n</dtrace>\n"));
	text = traced_string(html, "x");
	assert_non_null(strstr(text, "<div class=\"data\" data-tag=\"record\">"));
	assert_non_null(strstr(text, "<div class=\"data\" data-tag=\"value\">x</div>"));
}

/* The one aggregation line of a run with these values. */
static const char *aggregated(enum dl_aggfunc func, uint64_t param, const int64_t *values, int n)
{
	static char line[4096];
	struct rig r = { 0 };
	const char *text;

	r.aggs[0] = (struct dl_aggdesc){ .name = "a",
					 .func = func,
					 .func_known = true,
					 .param = param,
					 .keys = &i32_desc,
					 .n_keys = 1,
					 .keys_known = true };
	rig_start_with(&r, false, 1, json);
	for (int i = 0; i < n; i++) {
		int64_t key = 5;

		assert_true(
			dl_agg_update(dl_state_aggs(r.state), 0, (uint8_t *)&key, 8, values[i], 1));
	}
	text = strstr(body(rig_end(&r)), "\"snapshot\":");
	assert_non_null(text);
	snprintf(line, sizeof(line), "%s", text);
	rig_stop(&r);
	return line;
}

#define AGG(func)                                                           \
	"\"snapshot\":0,\"final\":true,\"name\":\"a\",\"function\":\"" func \
	"\",\"keys\":[{\"kind\":\"int\",\"value\":5}],\"state\":"

static void aggregations_carry_their_mergeable_state(void **state)
{
	const int64_t v[] = { 1, 4 }, big[] = { INT64_MIN };

	(void)state;
	assert_string_equal(aggregated(DL_AGG_COUNT, 0, v, 2),
			    AGG("count") "{\"hits\":2,\"count\":2},\"value\":2,\"normalize\":1}\n");
	assert_string_equal(aggregated(DL_AGG_MIN, 0, v, 2),
			    AGG("min") "{\"hits\":2,\"min\":1},\"value\":1,\"normalize\":1}\n");
	assert_string_equal(aggregated(DL_AGG_AVG, 0, v, 2),
			    AGG("avg") "{\"hits\":2,\"count\":2,\"sum\":5},\"value\":2,"
				       "\"normalize\":1}\n");
	assert_string_equal(aggregated(DL_AGG_STDDEV, 0, big, 1),
			    AGG("stddev") "{\"hits\":1,\"count\":1,\"sum\":-9223372036854775808,"
					  "\"sum_of_squares\":"
					  "\"85070591730234615865843651857942052864\"},"
					  "\"value\":0,\"normalize\":1}\n");
	assert_string_equal(aggregated(DL_AGG_QUANTIZE, 0, v, 2),
			    AGG("quantize") "{\"hits\":2,\"buckets\":["
					    "{\"bucket\":64,\"low\":1,\"count\":1},"
					    "{\"bucket\":66,\"low\":4,\"count\":1}]},"
					    "\"normalize\":1}\n");
	assert_string_equal(aggregated(DL_AGG_LQUANTIZE, 1ull << 48 | 2ull << 32 | 4, v, 2),
			    AGG("lquantize") "{\"hits\":2,\"base\":4,\"levels\":2,\"step\":1,"
					     "\"buckets\":[{\"bucket\":0,\"low\":null,\"count\":1},"
					     "{\"bucket\":1,\"low\":4,\"count\":1}]},"
					     "\"normalize\":1}\n");
}

static void faults_and_drops_are_lines_too(void **state)
{
	const struct dl_clause empty = { .records = true };
	struct rig r = { 0 };
	const char *text;

	(void)state;
	rig_start(&r, json);
	rig_enable(&r, &empty, 7, "p", "f", "n");
	dl_consumer_fault(r.consumer,
			  &(struct dl_fault_info){
				  .epid = 1, .action = 1, .offset = -1, .fault = DL_FLT_DIVZERO });
	dl_count_cpu_drop(r.state, DL_DROP_AGG, 2);
	dl_consumer_drops(r.consumer);
	text = rig_end(&r);
	assert_non_null(strstr(text, "\"fault\":\"divide-by-zero\",\"code\":4,\"statement\":1,"));
	assert_non_null(strstr(text, "\"kind\":\"AGGREGATION\",\"count\":1,\"cpu\":2,"
				     "\"message\":\"1 aggregation drop on CPU 2\"}\n"));
	rig_stop(&r);
}

static void only_known_formats_are_accepted(void **state)
{
	struct error *err;

	(void)state;
	assert_true(dl_json_is_wanted("json"));
	assert_true(dl_json_is_wanted("json,pretty"));
	assert_true(dl_json_is_wanted("html"));
	assert_false(dl_json_is_wanted("text"));
	assert_false(dl_json_is_wanted("jsonx"));
	assert_false(dl_json_is_wanted(NULL));
	assert_null(dl_consumer_check_format("text"));
	assert_null(dl_consumer_check_format(NULL));
	err = dl_consumer_check_format("yaml");
	assert_non_null(err);
	error_destroy(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_keeps_types_and_signs),
		cmocka_unit_test(hostile_strings_are_escaped),
		cmocka_unit_test(invalid_utf8_is_replaced_and_kept_in_hex),
		cmocka_unit_test(a_string_that_filled_strsize_is_marked),
		cmocka_unit_test(xml_and_html_carry_the_same_tree),
		cmocka_unit_test(aggregations_carry_their_mergeable_state),
		cmocka_unit_test(faults_and_drops_are_lines_too),
		cmocka_unit_test(only_known_formats_are_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Tests of dlang/option.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../dlang/option.h"

static struct dl_options *options;

static int set_up(void **state)
{
	(void)state;
	options = dl_options_create();
	return options ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	dl_options_destroy(options);
	return 0;
}

static void assert_set(const char *name, const char *value)
{
	assert_null(dl_options_set(options, name, value, DL_OPT_FROM_CMDLINE, false));
}

static void assert_refused(const char *name, const char *value, const char *message)
{
	struct error *err = dl_options_set(options, name, value, DL_OPT_FROM_CMDLINE, false);

	assert_non_null(err);
	assert_string_equal(err->message, message);
	error_destroy(err);
}

static void assert_size(const char *text, uint64_t want)
{
	uint64_t n = 0;

	assert_null(dl_parse_size(text, &n));
	assert_int_equal(n, want);
}

static void assert_rate(const char *text, uint64_t want)
{
	uint64_t n = 1;

	assert_null(dl_parse_rate(text, &n));
	assert_int_equal(n, want);
}

static void assert_malformed(struct error *err)
{
	assert_non_null(err);
	assert_string_equal(err->message, "Invalid value for specified option");
	error_destroy(err);
}

static void options_start_with_their_defaults(void **state)
{
	(void)state;
	assert_int_equal(dl_option(options, DL_OPT_BUFSIZE), 4 << 20);
	assert_int_equal(dl_option(options, DL_OPT_SPECSIZE), 32 << 10);
	assert_int_equal(dl_option(options, DL_OPT_STRSIZE), 256);
	assert_int_equal(dl_option(options, DL_OPT_SWITCHRATE), 1000000000);
	assert_int_equal(dl_option(options, DL_OPT_CLEANRATE), 1000000000 / 101);
	assert_int_equal(dl_option(options, DL_OPT_QUIET), 0);
	assert_int_equal(dl_option(options, DL_OPT_TEMPORAL), 1);
	assert_int_equal(dl_option(options, DL_OPT_ZDEFS), 0);
	assert_int_equal(dl_option(options, DL_OPT_AGGSORTPOS), 0);
	assert_string_equal(dl_option_text(options, DL_OPT_BUFPOLICY), "wait");
	assert_null(dl_option_text(options, DL_OPT_AMIN));
	assert_false(dl_option_is_set(options, DL_OPT_QUIET));
}

static void sizes_take_a_suffix(void **state)
{
	uint64_t n;

	(void)state;
	assert_size("4096", 4096);
	assert_size("0x10", 16);
	assert_size("010", 8);
	assert_size("2k", 2048);
	assert_size("3M", 3u << 20);
	assert_size("1g", 1u << 30);
	assert_size("1T", 1ull << 40);
	assert_malformed(dl_parse_size("", &n));
	assert_malformed(dl_parse_size("-1", &n));
	assert_malformed(dl_parse_size("4kb", &n));
	assert_malformed(dl_parse_size("4x", &n));
	assert_malformed(dl_parse_size("18446744073709551615k", &n));
}

static void rates_are_periods_or_hertz(void **state)
{
	uint64_t n;

	(void)state;
	assert_rate("10hz", 100000000);
	assert_rate("0hz", 0);
	assert_rate("100", 100);
	assert_rate("5ns", 5);
	assert_rate("2usec", 2000);
	assert_rate("3MS", 3000000);
	assert_rate("1sec", 1000000000);
	assert_rate("2m", 120000000000);
	assert_rate("1h", 3600000000000);
	assert_rate("1d", 86400000000000);
	assert_malformed(dl_parse_rate("hz", &n));
	assert_malformed(dl_parse_rate("1 s", &n));
	assert_malformed(dl_parse_rate("1fortnight", &n));
	assert_malformed(dl_parse_rate("18446744073709551615d", &n));
}

static void unknown_names_and_bad_values_are_refused(void **state)
{
	(void)state;
	assert_refused("nosuch", "1", "Invalid option name");
	assert_refused("Quiet", NULL, "Invalid option name");
	assert_refused("bufsize", NULL, "Invalid value for specified option");
	assert_refused("bufsize", "much", "Invalid value for specified option");
	assert_refused("bufpolicy", "never", "Invalid value for specified option");
	assert_refused("zdefs", "1", "Invalid value for specified option");
	assert_refused("nspec", "-1", "Invalid value for specified option");
	assert_refused("iregs", "0", "Invalid value for specified option");
	assert_refused("amin", "so/so", "Invalid value for specified option");
	assert_refused("strsize", "1", "Invalid value for specified option");
	assert_refused("strsize", "5g", "Invalid value for specified option");
	assert_refused("cpu", "one", "Invalid value for specified option");
	assert_refused("version", "9.9", "Requested version is not supported by compiler");
	assert_refused("version", "1.2.3.4", "Version is not properly formatted or is too large");
}

static void run_time_flags_take_words_and_numbers(void **state)
{
	(void)state;
	assert_set("quiet", NULL);
	assert_int_equal(dl_option(options, DL_OPT_QUIET), 1);
	assert_set("quiet", "no");
	assert_int_equal(dl_option(options, DL_OPT_QUIET), 0);
	assert_set("quiet", "Enabled");
	assert_int_equal(dl_option(options, DL_OPT_QUIET), 1);
	assert_set("quiet", "0");
	assert_int_equal(dl_option(options, DL_OPT_QUIET), 0);
	assert_refused("quiet", "maybe", "Invalid value for specified option");
}

static void every_keyword_and_version_is_accepted(void **state)
{
	static const char *const pairs[][2] = {
		{ "bufpolicy", "ring" },
		{ "bufpolicy", "fill" },
		{ "bufpolicy", "switch" },
		{ "evaltime", "exec" },
		{ "evaltime", "preinit" },
		{ "evaltime", "postinit" },
		{ "evaltime", "main" },
		{ "bufresize", "manual" },
		{ "stdc", "s" },
		{ "scope", "all" },
		{ "tier", "stop" },
		{ "tier", "record" },
		{ "linkmode", "dynamic" },
		{ "version", "1.13" },
		{ "version", "1.2.2" },
		{ "version", "1.0" },
		{ "amin", "evolving/stable/COMMON" },
		{ "cpu", "3" },
		{ "lazyload", "whatever" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_set(pairs[i][0], pairs[i][1]);
	assert_string_equal(dl_option_text(options, DL_OPT_EVALTIME), "main");
}

static void a_version_may_be_lowered_but_not_raised(void **state)
{
	(void)state;
	assert_set("version", "1.5");
	assert_set("version", "1.2");
	assert_refused("version", "1.3", "Requested version conflicts with earlier setting");
}

static void lists_keep_all_their_values(void **state)
{
	(void)state;
	assert_set("define", "A=1");
	assert_set("define", "B");
	assert_string_equal(dl_option_text_at(options, DL_OPT_DEFINE, 0), "A=1");
	assert_string_equal(dl_option_text_at(options, DL_OPT_DEFINE, 1), "B");
	assert_null(dl_option_text_at(options, DL_OPT_DEFINE, 2));
}

static void a_weaker_origin_does_not_override(void **state)
{
	(void)state;
	assert_null(dl_options_set(options, "bufsize", "1m", DL_OPT_FROM_PRAGMA, false));
	assert_null(dl_options_set(options, "bufsize", "2m", DL_OPT_FROM_CMDLINE, false));
	assert_int_equal(dl_option(options, DL_OPT_BUFSIZE), 1 << 20);
	assert_null(dl_options_set(options, "bufsize", "3m", DL_OPT_FROM_SETOPT, false));
	assert_int_equal(dl_option(options, DL_OPT_BUFSIZE), 3 << 20);
	assert_null(dl_options_set(options, "zdefs", "", DL_OPT_FROM_ENV, false));
	assert_int_equal(dl_option(options, DL_OPT_ZDEFS), 1);
}

static void programs_may_not_set_what_was_used_before_them(void **state)
{
	struct error *err;

	(void)state;
	err = dl_options_set(options, "define", "A", DL_OPT_FROM_PRAGMA, false);
	assert_non_null(err);
	assert_string_equal(err->message, "Option cannot be used from within a D program");
	error_destroy(err);
	err = dl_options_set(options, "cpp", NULL, DL_OPT_FROM_PRAGMA, false);
	assert_non_null(err);
	error_destroy(err);
	assert_null(dl_options_set(options, "quiet", NULL, DL_OPT_FROM_PRAGMA, false));
}

static void only_dynamic_options_change_while_tracing(void **state)
{
	struct error *err;

	(void)state;
	assert_null(dl_options_set(options, "quiet", NULL, DL_OPT_FROM_SETOPT, true));
	err = dl_options_set(options, "bufsize", "1k", DL_OPT_FROM_SETOPT, true);
	assert_non_null(err);
	assert_string_equal(err->message, "Operation illegal when tracing is active");
	error_destroy(err);
}

static void rates_stay_as_asked(void **state)
{
	(void)state;
	/* The session clamps them, and says so. */
	assert_set("cleanrate", "1ns");
	assert_int_equal(dl_option(options, DL_OPT_CLEANRATE), 1);
	assert_set("statusrate", "1h");
	assert_int_equal(dl_option(options, DL_OPT_STATUSRATE), 3600000000000);
}

static void flags_are_on_or_off(void **state)
{
	(void)state;
	assert_set("quiet", "3");
	assert_int_equal(dl_option(options, DL_OPT_QUIET), 1);
	assert_set("quiet", "0");
	assert_int_equal(dl_option(options, DL_OPT_QUIET), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(options_start_with_their_defaults),
		TEST(sizes_take_a_suffix),
		TEST(rates_are_periods_or_hertz),
		TEST(unknown_names_and_bad_values_are_refused),
		TEST(run_time_flags_take_words_and_numbers),
		TEST(every_keyword_and_version_is_accepted),
		TEST(a_version_may_be_lowered_but_not_raised),
		TEST(lists_keep_all_their_values),
		TEST(a_weaker_origin_does_not_override),
		TEST(programs_may_not_set_what_was_used_before_them),
		TEST(only_dynamic_options_change_while_tracing),
		TEST(rates_stay_as_asked),
		TEST(flags_are_on_or_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

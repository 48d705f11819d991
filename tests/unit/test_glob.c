/* Patterns of probe descriptions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tracer/glob.h"

static void stars_and_question_marks_match(void **state)
{
	(void)state;
	assert_true(glob_match("*", ""));
	assert_true(glob_match("str*len", "strnlen"));
	assert_true(glob_match("str*len", "strlen"));
	assert_true(glob_match("*a*b", "xxaxbxb"));
	assert_false(glob_match("*a*b", "xxaxbxc"));
	assert_true(glob_match("m?lloc", "malloc"));
	assert_false(glob_match("m?lloc", "mlloc"));
	assert_false(glob_match("", "x"));
	assert_true(glob_match("", ""));
}

static void classes_match(void **state)
{
	(void)state;
	assert_true(glob_match("[a-c]x", "bx"));
	assert_false(glob_match("[a-c]x", "dx"));
	assert_true(glob_match("[!a-c]x", "dx"));
	assert_true(glob_match("[]]x", "]x"));
	assert_true(glob_match("[a\\]]x", "]x"));
	assert_true(glob_match("[a-]", "-"));
	assert_true(glob_match("[ab", "[ab"));
}

static void a_backslash_takes_the_next_character_as_it_is(void **state)
{
	(void)state;
	assert_true(glob_match("a\\*b", "a*b"));
	assert_false(glob_match("a\\*b", "axb"));
	assert_true(glob_match("a\\", "a\\"));
}

static void only_special_characters_make_a_glob(void **state)
{
	(void)state;
	assert_true(glob_is("a*"));
	assert_true(glob_is("a[b]"));
	assert_true(glob_is("a?"));
	assert_true(glob_is("\\$a"));
	assert_false(glob_is("libstdc++.so.6"));
}

static void many_stars_take_no_exponential_time(void **state)
{
	(void)state;
	assert_false(glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
				"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stars_and_question_marks_match),
		cmocka_unit_test(classes_match),
		cmocka_unit_test(a_backslash_takes_the_next_character_as_it_is),
		cmocka_unit_test(only_special_characters_make_a_glob),
		cmocka_unit_test(many_stars_take_no_exponential_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

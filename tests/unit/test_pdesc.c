/*
 * Tests of dlang/pdesc.c: fields of probe descriptions, globs, suggestions.
 */
#include "parsed.h"

#include "../../dlang/parse.h"

static void assert_fields(const char *text, enum dl_level level, const char *prov, const char *mod,
			  const char *func, const char *name)
{
	static const char *const operands[] = { "one", "2", NULL };
	struct dl_range range = { .line = 1 };
	struct dl_pdesc d;
	struct parsed p;

	parsed_start(&p, NULL, operands);
	dl_ctx_set_target(p.ctx, 4321);
	assert_true(dl_pdesc_parse(p.ctx, text, level, range, &d));
	assert_string_equal(d.prov, prov);
	assert_string_equal(d.mod, mod);
	assert_string_equal(d.func, func);
	assert_string_equal(d.name, name);
	parsed_end(&p);
}

static void fields_are_assigned_from_the_right(void **state)
{
	(void)state;
	assert_fields("BEGIN", DL_LEVEL_NAME, "", "", "", "BEGIN");
	assert_fields("read:entry", DL_LEVEL_NAME, "", "", "read", "entry");
	assert_fields("libc::entry", DL_LEVEL_NAME, "", "libc", "", "entry");
	assert_fields("syscall::read:", DL_LEVEL_NAME, "syscall", "", "read", "");
	assert_fields(":::", DL_LEVEL_NAME, "", "", "", "");
	assert_fields("read", DL_LEVEL_FUNCTION, "", "", "read", "");
	assert_fields("syscall::read", DL_LEVEL_FUNCTION, "syscall", "", "read", "");
	assert_fields("pid1:libc", DL_LEVEL_MODULE, "pid1", "libc", "", "");
	assert_fields("syscall", DL_LEVEL_PROVIDER, "syscall", "", "", "");
}

static void macro_variables_are_replaced_in_fields(void **state)
{
	(void)state;
	assert_fields("pid$target:a.out:$1:entry", DL_LEVEL_NAME, "pid4321", "a.out", "one",
		      "entry");
	assert_fields("x::f$2bar:$$1", DL_LEVEL_NAME, "x", "", "f2bar", "one");
	assert_fields("pid$pid:::", DL_LEVEL_NAME, "pid100", "", "", "");
}

static void invalid_descriptions_are_named(void **state)
{
	(void)state;
	assert_errors("a:b:c:d:e { }", "[D_PDESC_INVAL] line 1: invalid probe description "
				       "\"a:b:c:d:e\": Overspecified probe description");
	assert_errors("a:$nope:: { }",
		      "[D_PDESC_INVAL] line 1: invalid probe description "
		      "\"a:$nope::\": Undefined macro variable in probe description");
	assert_errors("a:::$7 { }", "[D_PDESC_INVAL] line 1: invalid probe description "
				    "\"a:::$7\": Undefined macro variable in probe description");
	assert_string_errors("a:b", DL_LEVEL_PROVIDER,
			     "[D_PDESC_INVAL] invalid probe "
			     "description \"a:b\": Overspecified probe description");
}

static void probe_ids_stand_only_where_names_do(void **state)
{
	struct parsed p;

	(void)state;
	parsed_string(&p, "12, 13 { }", DL_LEVEL_NAME);
	assert_non_null(p.unit);
	assert_int_equal(p.unit->n_descs, 2);
	assert_int_equal(p.unit->descs[1].id, 13);
	parsed_end(&p);
	assert_string_errors("12", DL_LEVEL_MODULE,
			     "[D_PDESC_INVAL] probe identifier 12 not "
			     "permitted when specifying modules");
	assert_errors("0 { }", "[D_PDESC_INVAL] line 1: invalid probe identifier 0: "
			       "No probe matches description");
	assert_errors("4294967296 { }", "[D_PDESC_INVAL] line 1: identifier 4294967296 exceeds "
					"maximum probe id");
}

static void globs_match_whole_fields(void **state)
{
	(void)state;
	assert_true(dl_glob_match("", "anything"));
	assert_true(dl_glob_match("read", "read"));
	assert_false(dl_glob_match("read", "readv"));
	assert_true(dl_glob_match("read*", "readv"));
	assert_true(dl_glob_match("*ad*", "readv"));
	assert_false(dl_glob_match("*ad", "readv"));
	assert_true(dl_glob_match("r?ad", "read"));
	assert_false(dl_glob_match("r?ad", "rad"));
	assert_true(dl_glob_match("*", ""));
	assert_true(dl_glob_match("a*b*c", "aXbXbc"));
	assert_true(dl_glob_match("**", "x"));
}

static void classes_match_sets_and_ranges(void **state)
{
	(void)state;
	assert_true(dl_glob_match("[abc]x", "bx"));
	assert_true(dl_glob_match("[a-c]x", "bx"));
	assert_false(dl_glob_match("[a-c]x", "dx"));
	assert_true(dl_glob_match("[!a-c]x", "dx"));
	assert_false(dl_glob_match("[!a-c]x", "ax"));
	assert_true(dl_glob_match("[]]", "]"));
	assert_true(dl_glob_match("[a-]", "-"));
	assert_true(dl_glob_match("[\\]x]", "]"));
	assert_false(dl_glob_match("[abc", "a"));
	assert_false(dl_glob_match("x[", "x["));
}

static void a_backslash_makes_the_next_character_plain(void **state)
{
	(void)state;
	assert_true(dl_is_glob("a\\*"));
	assert_false(dl_is_glob("a-b"));
	assert_true(dl_glob_match("a\\*", "a*"));
	assert_false(dl_glob_match("a\\*", "ab"));
}

static void matching_many_stars_does_not_explode(void **state)
{
	char pattern[201], text[2001];

	(void)state;
	for (int i = 0; i < 200; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[199] = 'b';
	pattern[200] = '\0';
	memset(text, 'a', 2000);
	text[2000] = '\0';
	assert_false(dl_glob_match(pattern, text));
}

static const char *nearest(const char *word)
{
	static const char *const words[] = { "read", "write", "openat", "timestamp", "probefunc" };
	struct dl_nearest n = { .word = word };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		dl_nearest_consider(&n, words[i]);
	return n.best;
}

static void the_nearest_word_is_suggested(void **state)
{
	(void)state;
	assert_string_equal(nearest("raed"), "read");
	assert_string_equal(nearest("timestmp"), "timestamp");
	assert_string_equal(nearest("probefucn"), "probefunc");
	assert_null(nearest("zzzz"));
	assert_null(nearest("re"));
	assert_null(nearest(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_assigned_from_the_right),
		cmocka_unit_test(macro_variables_are_replaced_in_fields),
		cmocka_unit_test(invalid_descriptions_are_named),
		cmocka_unit_test(probe_ids_stand_only_where_names_do),
		cmocka_unit_test(globs_match_whole_fields),
		cmocka_unit_test(classes_match_sets_and_ranges),
		cmocka_unit_test(a_backslash_makes_the_next_character_plain),
		cmocka_unit_test(matching_many_stars_does_not_explode),
		cmocka_unit_test(the_nearest_word_is_suggested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

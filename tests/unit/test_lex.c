/*
 * Tests of dlang/lex.c and lex_literal.c: tokens, modes, macro variables.
 */
#include "parsed.h"

#include "../../dlang/lex.h"

struct scan {
	struct parsed p;
	struct dl_lexer lex;
	struct dl_token tok;
};

static void open_scan(struct scan *s, const char *text, const char *const *operands)
{
	parsed_start(&s->p, NULL, operands);
	s->p.source = (struct dl_source){ .kind = DL_SRC_FILE, .text = text };
	dl_lex_init(&s->lex, s->p.ctx, &s->p.source);
	s->lex.mode = LEX_CLAUSE;
}

static enum dl_tok next(struct scan *s)
{
	dl_lex_next(&s->lex, &s->tok);
	return s->tok.kind;
}

static void close_scan(struct scan *s)
{
	parsed_end(&s->p);
}

static void assert_int_token(const char *text, uint64_t value, enum dl_basic type)
{
	struct scan s;

	open_scan(&s, text, NULL);
	assert_int_equal(next(&s), TOK_INT);
	assert_int_equal(s.tok.value, value);
	assert_int_equal(s.tok.basic, type);
	assert_int_equal(next(&s), TOK_EOF);
	close_scan(&s);
}

static void assert_bad_token(const char *text, const char *error)
{
	struct scan s;

	open_scan(&s, text, NULL);
	assert_int_equal(next(&s), TOK_BAD);
	assert_string_equal(parsed_errors(&s.p), error);
	close_scan(&s);
}

static void assert_str_token(const char *text, const char *bytes, size_t len)
{
	struct scan s;

	open_scan(&s, text, NULL);
	assert_int_equal(next(&s), TOK_STR);
	assert_int_equal(s.tok.len, len);
	assert_memory_equal(s.tok.text, bytes, len);
	close_scan(&s);
}

static void integers_get_the_first_type_that_fits(void **state)
{
	(void)state;
	assert_int_token("0", 0, DL_T_INT);
	assert_int_token("2147483647", INT32_MAX, DL_T_INT);
	assert_int_token("2147483648", 2147483648u, DL_T_LONG);
	assert_int_token("0x80000000", 0x80000000u, DL_T_UINT);
	assert_int_token("020000000000", 0x80000000u, DL_T_UINT);
	assert_int_token("0xffffffffffffffff", UINT64_MAX, DL_T_ULONG);
	assert_int_token("1u", 1, DL_T_UINT);
	assert_int_token("4294967296U", 4294967296u, DL_T_ULONG);
	assert_int_token("1l", 1, DL_T_LONG);
	assert_int_token("1uL", 1, DL_T_ULONG);
	assert_int_token("1LL", 1, DL_T_LLONG);
	assert_int_token("0xffffffffffffffffLL", UINT64_MAX, DL_T_ULLONG);
	assert_int_token("1ull", 1, DL_T_ULLONG);
	assert_int_token("0777", 511, DL_T_INT);
}

static void bad_integers_are_named(void **state)
{
	(void)state;
	assert_bad_token("08", "[D_INT_DIGIT] line 1: constant 08 contains invalid digit 8");
	assert_bad_token("18446744073709551616",
			 "[D_INT_OFLOW] line 1: constant "
			 "18446744073709551616 results in integer overflow");
	assert_bad_token("18446744073709551615",
			 "[D_INT_OFLOW] line 1: integer constant "
			 "0xffffffffffffffff cannot be represented in any built-in integral type");
}

static void suffix_order_is_u_then_l(void **state)
{
	struct scan s;

	(void)state;
	open_scan(&s, "1lu", NULL);
	assert_int_equal(next(&s), TOK_INT);
	assert_int_equal(s.tok.basic, DL_T_LONG);
	assert_int_equal(next(&s), TOK_IDENT);
	assert_string_equal(s.tok.text, "u");
	close_scan(&s);
}

static void characters_are_big_endian_integers(void **state)
{
	(void)state;
	assert_int_token("'a'", 'a', DL_T_INT);
	assert_int_token("'ab'", 0x6162, DL_T_INT);
	assert_int_token("'\\n'", '\n', DL_T_INT);
	assert_int_token("'\\''", '\'', DL_T_INT);
	assert_int_token("'\\377'", 255, DL_T_INT);
	assert_int_token("'abcdefgh'", 0x6162636465666768, DL_T_LONG);
}

static void bad_characters_are_named(void **state)
{
	(void)state;
	assert_bad_token("''", "[D_CHR_NULL] line 1: empty character constant");
	assert_bad_token("'abcdefghi'", "[D_CHR_OFLOW] line 1: character constant is too long");
	assert_bad_token("'a\n'", "[D_CHR_NL] line 1: newline encountered in character constant");
}

static void escapes_are_processed_in_strings(void **state)
{
	(void)state;
	assert_str_token("\"\"", "", 0);
	assert_str_token("\"a\\tb\\\\\\\"\"", "a\tb\\\"", 5);
	assert_str_token("\"\\101\\0x\"", "A\0x", 3);
	assert_str_token("\"\\x41\\x041\"", "AA", 2);
	assert_str_token("\"\\q\"", "\\q", 2);
	assert_bad_token("\"a\nb\"", "[D_STR_NL] line 1: newline encountered in string literal");
}

static void a_slash_ends_the_predicate_before_a_brace(void **state)
{
	struct scan s;

	(void)state;
	open_scan(&s, "a / b / /* c */ { / ;", NULL);
	assert_int_equal(next(&s), TOK_IDENT);
	assert_int_equal(next(&s), TOK_SLASH);
	assert_int_equal(next(&s), TOK_IDENT);
	assert_int_equal(next(&s), TOK_EPRED);
	assert_int_equal(next(&s), TOK_LBRACE);
	assert_int_equal(next(&s), TOK_EPRED);
	assert_int_equal(next(&s), TOK_SEMI);
	close_scan(&s);
}

static void the_longest_operator_wins(void **state)
{
	static const enum dl_tok want[] = {
		TOK_SHL_A, TOK_SHL, TOK_LE,	  TOK_LXOR,  TOK_XOR_A, TOK_CARET,
		TOK_ARROW, TOK_DEC, TOK_ELLIPSIS, TOK_DIV_A, TOK_EOF,
	};
	struct scan s;

	(void)state;
	open_scan(&s, "<<= << <= ^^ ^= ^ -> -- ... /=", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_int_equal(next(&s), want[i]);
	close_scan(&s);
}

static void a_backquote_joins_module_and_symbol(void **state)
{
	struct scan s;

	(void)state;
	open_scan(&s, "libc.so.6`environ a.b `x 9p`y", NULL);
	assert_int_equal(next(&s), TOK_IDENT);
	assert_string_equal(s.tok.text, "libc.so.6`environ");
	assert_int_equal(next(&s), TOK_IDENT);
	assert_int_equal(next(&s), TOK_DOT);
	assert_int_equal(next(&s), TOK_IDENT);
	assert_int_equal(next(&s), TOK_IDENT);
	assert_string_equal(s.tok.text, "`x");
	assert_int_equal(next(&s), TOK_IDENT);
	assert_string_equal(s.tok.text, "9p`y");
	close_scan(&s);
}

static void a_lone_at_sign_is_the_aggregation_underscore(void **state)
{
	struct scan s;

	(void)state;
	open_scan(&s, "@ @_ @abc", NULL);
	assert_int_equal(next(&s), TOK_AGG);
	assert_string_equal(s.tok.text, "_");
	assert_int_equal(next(&s), TOK_AGG);
	assert_string_equal(s.tok.text, "_");
	assert_int_equal(next(&s), TOK_AGG);
	assert_string_equal(s.tok.text, "abc");
	close_scan(&s);
}

static void outer_text_is_probe_descriptions(void **state)
{
	struct scan s;

	(void)state;
	open_scan(&s, "syscall::read*:entry,pid$target:a.out::-/*c*/ 12 { uint64_t x", NULL);
	s.lex.mode = LEX_OUTER;
	assert_int_equal(next(&s), TOK_PDESC);
	assert_string_equal(s.tok.text, "syscall::read*:entry");
	assert_int_equal(next(&s), TOK_COMMA);
	assert_int_equal(next(&s), TOK_PDESC);
	assert_string_equal(s.tok.text, "pid$target:a.out::-");
	assert_int_equal(next(&s), TOK_INT);
	assert_int_equal(s.tok.value, 12);
	assert_int_equal(next(&s), TOK_LBRACE);
	assert_int_equal(next(&s), TOK_IDENT);
	assert_string_equal(s.tok.text, "uint64_t");
	assert_int_equal(s.lex.mode, LEX_CLAUSE);
	close_scan(&s);
}

static void a_type_before_a_star_starts_a_declaration(void **state)
{
	struct scan s;

	(void)state;
	open_scan(&s, "int*x", NULL);
	s.lex.mode = LEX_OUTER;
	assert_int_equal(next(&s), KW_INT);
	assert_int_equal(next(&s), TOK_STAR);
	assert_int_equal(next(&s), TOK_IDENT);
	close_scan(&s);
	open_scan(&s, "int*x", NULL);
	s.lex.mode = LEX_OUTER;
	assert_null(dl_options_set(s.p.options, "pspec", NULL, DL_OPT_FROM_CMDLINE, false));
	assert_int_equal(next(&s), TOK_PDESC);
	assert_string_equal(s.tok.text, "int*x");
	close_scan(&s);
}

static void operands_become_integers_names_or_strings(void **state)
{
	static const char *const operands[] = {
		"12", "-3", "abc", "a b", "\"q\\t\"", "0x1f", NULL
	};
	struct scan s;

	(void)state;
	open_scan(&s, "$1 $2 $3 $4 $5 $6 $$1 $$5 $pid $$pid $0", operands);
	assert_int_equal(next(&s), TOK_INT);
	assert_int_equal(s.tok.value, 12);
	assert_int_equal(next(&s), TOK_INT);
	assert_int_equal(s.tok.value, 3);
	assert_true(s.tok.is_negative);
	assert_int_equal(next(&s), TOK_IDENT);
	assert_string_equal(s.tok.text, "abc");
	assert_int_equal(next(&s), TOK_STR);
	assert_string_equal(s.tok.text, "a b");
	assert_int_equal(next(&s), TOK_STR);
	assert_string_equal(s.tok.text, "q\t");
	assert_int_equal(next(&s), TOK_INT);
	assert_int_equal(s.tok.value, 31);
	assert_int_equal(next(&s), TOK_STR);
	assert_string_equal(s.tok.text, "12");
	assert_int_equal(next(&s), TOK_STR);
	assert_string_equal(s.tok.text, "\"q\t\"");
	assert_int_equal(next(&s), TOK_INT);
	assert_int_equal(s.tok.value, 100);
	assert_int_equal(next(&s), TOK_STR);
	assert_string_equal(s.tok.text, "100");
	assert_int_equal(next(&s), TOK_STR);
	assert_string_equal(s.tok.text, "script.d");
	close_scan(&s);
}

static void missing_operands_are_errors_without_defaultargs(void **state)
{
	struct scan s;

	(void)state;
	assert_bad_token("$1", "[D_MACRO_UNDEF] line 1: macro argument $1 is not defined");
	assert_bad_token("$$1", "[D_MACRO_UNDEF] line 1: macro argument $$1 is not defined");
	assert_bad_token("$nope", "[D_MACRO_UNDEF] line 1: macro variable $nope is not defined");
	open_scan(&s, "$1 $$1", NULL);
	assert_null(dl_options_set(s.p.options, "defaultargs", NULL, DL_OPT_FROM_CMDLINE, false));
	assert_int_equal(next(&s), TOK_INT);
	assert_int_equal(s.tok.value, 0);
	assert_int_equal(next(&s), TOK_STR);
	assert_int_equal(s.tok.len, 0);
	close_scan(&s);
}

static void an_operand_beyond_64_bits_overflows(void **state)
{
	static const char *const operands[] = { "99999999999999999999", NULL };
	struct scan s;

	(void)state;
	open_scan(&s, "$1", operands);
	assert_int_equal(next(&s), TOK_BAD);
	assert_string_equal(parsed_errors(&s.p),
			    "[D_MACRO_OFLOW] line 1: macro argument "
			    "99999999999999999999 results in integer overflow");
	close_scan(&s);
}

static void comments_neither_nest_nor_run_off_the_end(void **state)
{
	(void)state;
	assert_bad_token("/* a /* b */", "[D_SYNTAX] line 1: /* encountered inside a comment");
	assert_bad_token("\n/* a", "[D_SYNTAX] line 2: end-of-file encountered before matching */");
}

static void lines_are_counted_over_comments_and_splices(void **state)
{
	struct scan s;

	(void)state;
	open_scan(&s, "#!/usr/sbin/dtrace -s\n/* a\n b */ x \\\n y", NULL);
	assert_int_equal(next(&s), TOK_IDENT);
	assert_int_equal(s.tok.range.line, 3);
	assert_int_equal(next(&s), TOK_IDENT);
	assert_int_equal(s.tok.range.line, 4);
	assert_int_equal(s.tok.range.offset, strlen("#!/usr/sbin/dtrace -s\n/* a\n b */ x \\\n "));
	close_scan(&s);
}

static void floating_constants_are_an_extension(void **state)
{
	struct scan s;

	(void)state;
	open_scan(&s, "1.5 .25 1e3 2.f", NULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(next(&s), TOK_FLOAT);
	assert_int_equal(next(&s), TOK_EOF);
	close_scan(&s);
	open_scan(&s, "1.5", NULL);
	assert_null(dl_options_set(s.p.options, "strict", NULL, DL_OPT_FROM_CMDLINE, false));
	assert_int_equal(next(&s), TOK_BAD);
	assert_string_equal(parsed_errors(&s.p),
			    "[D_SYNTAX] line 1: floating-point constants are not permitted");
	close_scan(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_get_the_first_type_that_fits),
		cmocka_unit_test(bad_integers_are_named),
		cmocka_unit_test(suffix_order_is_u_then_l),
		cmocka_unit_test(characters_are_big_endian_integers),
		cmocka_unit_test(bad_characters_are_named),
		cmocka_unit_test(escapes_are_processed_in_strings),
		cmocka_unit_test(a_slash_ends_the_predicate_before_a_brace),
		cmocka_unit_test(the_longest_operator_wins),
		cmocka_unit_test(a_backquote_joins_module_and_symbol),
		cmocka_unit_test(a_lone_at_sign_is_the_aggregation_underscore),
		cmocka_unit_test(outer_text_is_probe_descriptions),
		cmocka_unit_test(a_type_before_a_star_starts_a_declaration),
		cmocka_unit_test(operands_become_integers_names_or_strings),
		cmocka_unit_test(missing_operands_are_errors_without_defaultargs),
		cmocka_unit_test(an_operand_beyond_64_bits_overflows),
		cmocka_unit_test(comments_neither_nest_nor_run_off_the_end),
		cmocka_unit_test(lines_are_counted_over_comments_and_splices),
		cmocka_unit_test(floating_constants_are_an_extension),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * printf formats: parsing, and what conversions take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../dlang/format.h"
#include "../../dlang/program.h"
#include "../../dlang/type.h"

static struct arena *arena;
static struct dl_types *types;

static int open_types(void **state)
{
	(void)state;
	arena = arena_create();
	types = dl_types_create(arena);
	return 0;
}

static int close_types(void **state)
{
	(void)state;
	arena_destroy(arena);
	return 0;
}

static const struct dl_format *parse(const char *text)
{
	const char *why = NULL;
	const struct dl_format *f = dl_format_parse(arena, text, &why);

	if (!f)
		print_message("%s\n", why);
	assert_non_null(f);
	return f;
}

static const struct dl_conv *parse_one(const char *text)
{
	const struct dl_format *f = parse(text);

	assert_int_equal(f->n, 1);
	return &f->convs[0];
}

static void refused(const char *text, const char *message)
{
	const char *why = NULL;

	assert_null(dl_format_parse(arena, text, &why));
	assert_string_equal(why, message);
}

static void text_and_conversions_alternate(void **state)
{
	const struct dl_format *f = parse("a%db%%c%s!");

	(void)state;
	assert_int_equal(f->n, 3);
	assert_string_equal(f->convs[0].text, "a");
	assert_int_equal(f->convs[0].conv, 'd');
	assert_string_equal(f->convs[1].text, "b%c");
	assert_int_equal(f->convs[1].conv, 's');
	assert_string_equal(f->convs[2].text, "!");
	assert_int_equal(f->convs[2].conv, 0);
}

static void a_format_of_text_only_has_one_run(void **state)
{
	const struct dl_format *f = parse("100%%");

	(void)state;
	assert_int_equal(f->n, 1);
	assert_string_equal(f->convs[0].text, "100%");
	assert_int_equal(f->convs[0].text_len, 4);
	assert_int_equal(f->convs[0].conv, 0);
}

static void flags_widths_and_sizes_are_kept(void **state)
{
	const struct dl_conv *c = parse_one("%-12.3lld");

	(void)state;
	assert_int_equal(c->flags, DL_CF_LEFT);
	assert_int_equal(c->width, 12);
	assert_int_equal(c->prec, 3);
	assert_string_equal(c->size, "ll");
	assert_string_equal(c->spec, "%-12.3lld");
	c = parse_one("%#?x");
	assert_int_equal(c->flags, DL_CF_ALT | DL_CF_PTRWIDTH);
	c = parse_one("%*.*s");
	assert_int_equal(c->flags, DL_CF_DYNWIDTH | DL_CF_DYNPREC);
	c = parse_one("%5@u");
	assert_int_equal(c->flags, DL_CF_AGG);
	assert_int_equal(c->width, 5);
}

static void zero_and_minus_cancel_each_other(void **state)
{
	(void)state;
	assert_int_equal(parse_one("%-05d")->flags, DL_CF_ZERO);
	assert_int_equal(parse_one("%0-5d")->flags, DL_CF_LEFT);
	assert_int_equal(parse_one("%5-d")->flags, DL_CF_LEFT);
}

static void bad_formats_say_which_conversion(void **state)
{
	(void)state;
	refused("%d %y", "format conversion #2 is undefined: %y");
	refused("%lls", "format conversion #1 is undefined: %lls");
	refused("%", "format conversion #1 name expected before end of format string");
	refused("%d %5l", "format conversion #2 name expected before end of format string");
	refused("%**d",
		"format conversion #1 has more than one '*' specified for the output width");
	refused("%.1.1d", "format conversion #1 has more than one '.' specified");
	refused("%1$d", "format conversion #1 uses a positional argument: these are not supported");
	refused("%5%", "format conversion #1 is %% and may not carry options");
	refused("%99999999999999999999d",
		"format conversion #1 has a width or precision that is too large");
}

/* --- arguments --- */

static bool takes(const char *conv, struct dl_value_desc v, bool have_target)
{
	bool ok = false;

	assert_non_null(dl_conv_check(parse_one(conv), &v, have_target, &ok));
	return ok;
}

static struct dl_value_desc integer(enum dl_basic which)
{
	struct dl_type *t = dl_types_basic(types, which);

	return (struct dl_value_desc){ .kind = DL_VK_INT,
				       .size = (uint32_t)dl_type_base(t)->size,
				       .is_signed = dl_type_base(t)->is_signed,
				       .type = t };
}

static struct dl_value_desc of_kind(enum dl_vkind kind)
{
	return (struct dl_value_desc){ .kind = kind, .size = 8 };
}

static void plain_integers_take_every_size(void **state)
{
	(void)state;
	for (const char *p = "diouxX"; *p; p++) {
		char conv[] = { '%', *p, '\0' };

		assert_true(takes(conv, integer(DL_T_CHAR), false));
		assert_true(takes(conv, integer(DL_T_ULLONG), false));
		assert_false(takes(conv, integer(DL_T_VOIDPTR), false));
		assert_false(takes(conv, of_kind(DL_VK_STRING), false));
	}
}

static void sized_integers_take_their_type_only(void **state)
{
	(void)state;
	assert_true(takes("%hd", integer(DL_T_SHORT), false));
	assert_false(takes("%hd", integer(DL_T_USHORT), false));
	assert_false(takes("%hd", integer(DL_T_INT), false));
	assert_true(takes("%hu", integer(DL_T_USHORT), false));
	assert_true(takes("%hx", integer(DL_T_SHORT), false));
	assert_true(takes("%ld", integer(DL_T_LONG), false));
	assert_true(takes("%ld", integer(DL_T_INT64), false));
	assert_false(takes("%ld", integer(DL_T_LLONG), false));
	assert_true(takes("%lu", integer(DL_T_ULONG), false));
	assert_true(takes("%lld", integer(DL_T_LLONG), false));
	assert_false(takes("%lld", integer(DL_T_INT64), false));
	assert_true(takes("%llx", integer(DL_T_UINT64), false));
}

static void strings_and_characters(void **state)
{
	struct dl_value_desc array = of_kind(DL_VK_BYTES);

	(void)state;
	array.type = dl_type_array(types, dl_types_basic(types, DL_T_CHAR), 8);
	assert_true(takes("%s", of_kind(DL_VK_STRING), false));
	assert_true(takes("%S", array, false));
	assert_false(takes("%s", integer(DL_T_CHARPTR), false));
	array.type = dl_type_array(types, dl_types_basic(types, DL_T_INT), 2);
	assert_false(takes("%s", array, false));
	assert_true(takes("%ws", array, false));
	assert_true(takes("%c", integer(DL_T_INT), false));
	assert_false(takes("%c", integer(DL_T_LONG), false));
}

static void addresses_stacks_and_times(void **state)
{
	(void)state;
	assert_true(takes("%p", integer(DL_T_VOIDPTR), false));
	assert_true(takes("%a", integer(DL_T_UINT64), false));
	assert_true(takes("%A", of_kind(DL_VK_SYM), false));
	assert_false(takes("%A", integer(DL_T_UINT64), false));
	assert_true(takes("%A", integer(DL_T_UINT64), true));
	assert_true(takes("%k", of_kind(DL_VK_USTACK), false));
	assert_true(takes("%k", of_kind(DL_VK_STACK), false));
	assert_false(takes("%k", integer(DL_T_INT), false));
	assert_true(takes("%Y", integer(DL_T_INT64), false));
	assert_false(takes("%T", integer(DL_T_INT), false));
	assert_true(takes("%f", of_kind(DL_VK_FLOAT), false));
	assert_false(takes("%Lf", of_kind(DL_VK_FLOAT), false));
	assert_false(takes("%f", integer(DL_T_INT), false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_conversions_alternate),
		cmocka_unit_test(a_format_of_text_only_has_one_run),
		cmocka_unit_test(flags_widths_and_sizes_are_kept),
		cmocka_unit_test(zero_and_minus_cancel_each_other),
		cmocka_unit_test(bad_formats_say_which_conversion),
		cmocka_unit_test(plain_integers_take_every_size),
		cmocka_unit_test(sized_integers_take_their_type_only),
		cmocka_unit_test(strings_and_characters),
		cmocka_unit_test(addresses_stacks_and_times),
	};

	return cmocka_run_group_tests(tests, open_types, close_types);
}

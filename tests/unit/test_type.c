/*
 * Tests of dlang/type.c and type_print.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../dlang/arena.h"
#include "../../dlang/strbuf.h"
#include "../../dlang/type.h"

static struct arena *arena;
static struct dl_types *types;

static int set_up(void **state)
{
	(void)state;
	arena = arena_create();
	types = arena ? dl_types_create(arena) : NULL;
	return types ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	arena_destroy(arena);
	return 0;
}

static struct dl_type *look(const char *name)
{
	struct dl_type *t = dl_types_lookup(types, name);

	assert_non_null(t);
	return t;
}

static void assert_spelled(struct dl_type *t, const char *want)
{
	assert_string_equal(dl_type_name(types, t), want);
}

static void base_types_may_be_spelled_in_any_order(void **state)
{
	(void)state;
	assert_ptr_equal(look("unsigned long"), look("long unsigned int"));
	assert_ptr_equal(look("long long"), dl_types_basic(types, DL_T_LLONG));
	assert_ptr_equal(look("short"), look("short int"));
	assert_ptr_equal(look("unsigned"), dl_types_basic(types, DL_T_UINT));
	assert_ptr_equal(look("signed char"), dl_types_basic(types, DL_T_SCHAR));
	assert_ptr_equal(look("long double"), dl_types_basic(types, DL_T_LDOUBLE));
	assert_null(dl_types_lookup(types, "unsigned float"));
	assert_null(dl_types_lookup(types, "long long long"));
	assert_null(dl_types_lookup(types, "no_such_t"));
	assert_null(dl_types_lookup(types, ""));
}

static void names_with_stars_are_pointers(void **state)
{
	(void)state;
	assert_ptr_equal(look("char *"), dl_types_basic(types, DL_T_CHARPTR));
	assert_ptr_equal(look("char*"), look("char *"));
	assert_spelled(look("const char *"), "const char *");
	assert_spelled(look("char *const"), "char *const");
	assert_spelled(look("struct timeval **"), "struct timeval **");
	assert_null(dl_types_lookup(types, "nope *"));
	assert_null(dl_types_lookup(types, "*"));
}

static void sizes_are_those_of_lp64(void **state)
{
	(void)state;
	assert_int_equal(look("long")->size, 8);
	assert_int_equal(look("size_t")->size, 8);
	assert_int_equal(look("pid_t")->size, 4);
	assert_int_equal(look("void *")->size, 8);
	assert_int_equal(look("struct timespec")->size, 16);
	assert_int_equal(look("struct sockaddr_in")->size, 16);
	assert_int_equal(look("struct sockaddr_in6")->size, 28);
	assert_int_equal(look("struct sockaddr_un")->size, 110);
	assert_int_equal(look("struct in6_addr")->size, 16);
	assert_int_equal(dl_types_basic(types, DL_T_LDOUBLE)->size, 16);
}

static void string_has_the_size_of_strsize(void **state)
{
	struct dl_type *s = dl_types_basic(types, DL_T_STRING);

	(void)state;
	assert_int_equal(dl_type_size(types, s), 256);
	dl_types_set_strsize(types, 64);
	assert_int_equal(dl_type_size(types, s), 64);
	assert_int_equal(dl_type_size(types, dl_type_array(types, s, 3)), 192);
}

static void equal_constructions_share_an_object(void **state)
{
	struct dl_type *i = dl_types_basic(types, DL_T_INT);

	(void)state;
	assert_ptr_equal(dl_type_ptr(types, i), dl_type_ptr(types, i));
	assert_ptr_equal(dl_type_array(types, i, 4), dl_type_array(types, i, 4));
	assert_ptr_not_equal(dl_type_array(types, i, 4), dl_type_array(types, i, 5));
	assert_ptr_equal(dl_type_qual(types, DL_CONST, i), dl_type_qual(types, DL_CONST, i));
	assert_ptr_equal(dl_type_qual(types, DL_CONST, dl_type_qual(types, DL_CONST, i)),
			 dl_type_qual(types, DL_CONST, i));
	for (uint64_t n = 1; n < 1000; n++)
		assert_int_equal(dl_type_array(types, i, n)->size, 4 * n);
}

static void equality_looks_through_names_and_qualifiers(void **state)
{
	(void)state;
	assert_true(dl_type_equal(look("uint64_t"), look("unsigned long")));
	assert_true(dl_type_equal(look("const char *"), look("char *")));
	assert_false(dl_type_equal(look("long"), look("long long")));
	assert_false(dl_type_equal(look("char *"), look("int *")));
	assert_false(dl_type_equal(look("struct timeval"), look("struct timespec")));
}

static void a_forward_declaration_equals_its_definition(void **state)
{
	struct dl_type *fwd = dl_type_new(types, DL_FORWARD, "s");
	struct dl_type *def = dl_type_new(types, DL_STRUCT, "s");

	(void)state;
	fwd->forward_of = DL_STRUCT;
	assert_true(dl_type_equal(fwd, def));
	assert_true(dl_type_equal(dl_type_ptr(types, fwd), dl_type_ptr(types, def)));
	fwd->forward_of = DL_UNION;
	assert_false(dl_type_equal(fwd, def));
}

static void declarators_are_spelled_inside_out(void **state)
{
	struct dl_type *i = dl_types_basic(types, DL_T_INT);
	struct dl_type *f = dl_type_new(types, DL_FUNC, NULL);
	struct dl_type *params[] = { i, dl_types_basic(types, DL_T_CHARPTR) };
	struct strbuf sb = { 0 };

	(void)state;
	f->ref = i;
	f->params = params;
	f->n_params = 2;
	assert_spelled(dl_type_array(types, dl_types_basic(types, DL_T_CHAR), 16), "char [16]");
	assert_spelled(dl_type_ptr(types, dl_type_array(types, i, 3)), "int (*)[3]");
	assert_spelled(dl_type_array(types, dl_type_ptr(types, i), 3), "int *[3]");
	assert_spelled(f, "int (int, char *)");
	assert_spelled(dl_type_ptr(types, f), "int (*)(int, char *)");
	assert_spelled(dl_type_qual(types, DL_CONST, dl_type_ptr(types, i)), "int *const");
	assert_spelled(dl_type_qual(types, DL_CONST, i), "const int");
	assert_spelled(dl_type_array(types, dl_type_qual(types, DL_CONST, i), 2), "const int [2]");
	f->n_params = 0;
	dl_type_print_decl(&sb, dl_type_ptr(types, f), "fp");
	assert_string_equal(strbuf_text(&sb), "int (*fp)(void)");
	strbuf_reset(&sb);
	dl_type_print_decl(&sb, dl_type_array(types, dl_types_basic(types, DL_T_CHAR), 8), "a");
	assert_string_equal(strbuf_text(&sb), "char a[8]");
	strbuf_deinit(&sb);
}

static void members_are_found_in_anonymous_ones(void **state)
{
	struct dl_type *in = dl_type_new(types, DL_UNION, NULL);
	struct dl_type *out = dl_type_new(types, DL_STRUCT, "out");
	struct dl_member im[] = { { .name = "x", .type = look("int"), .bit_offset = 32 } };
	struct dl_member om[] = {
		{ .name = "a", .type = look("long") },
		{ .name = NULL, .type = in, .bit_offset = 64 },
	};
	uint64_t off;

	(void)state;
	in->members = im;
	in->n_members = 1;
	out->members = om;
	out->n_members = 2;
	assert_ptr_equal(dl_type_member(out, "x", &off), &im[0]);
	assert_int_equal(off, 96);
	assert_ptr_equal(dl_type_member(out, "a", &off), &om[0]);
	assert_int_equal(off, 0);
	assert_null(dl_type_member(out, "b", &off));
	assert_null(dl_type_member(look("int"), "x", &off));
}

static void c_scope_is_searched_first(void **state)
{
	struct dl_type *t = dl_type_new(types, DL_TYPEDEF, "size_t");

	(void)state;
	t->ref = look("int");
	t->scope = "C";
	dl_types_define(types, "size_t", t);
	assert_ptr_equal(look("size_t"), t);
	assert_ptr_not_equal(dl_types_lookup_in(types, "D", "size_t"), t);
	assert_ptr_equal(dl_types_lookup_in(types, "C", "size_t"), t);
	assert_null(dl_types_lookup_in(types, "C", "pid_t"));
}

static void strings_are_what_c_takes_for_strings(void **state)
{
	(void)state;
	assert_true(dl_type_is_strcompat(look("char *")));
	assert_true(dl_type_is_strcompat(look("string")));
	assert_true(dl_type_is_strcompat(dl_type_array(types, look("char"), 4)));
	assert_true(dl_type_is_strcompat(look("const char *")));
	assert_false(dl_type_is_strcompat(look("int *")));
	assert_false(dl_type_is_strcompat(look("void *")));
	assert_false(dl_type_is_strcompat(look("char")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(base_types_may_be_spelled_in_any_order),
		TEST(names_with_stars_are_pointers),
		TEST(sizes_are_those_of_lp64),
		TEST(string_has_the_size_of_strsize),
		TEST(equal_constructions_share_an_object),
		TEST(equality_looks_through_names_and_qualifiers),
		TEST(a_forward_declaration_equals_its_definition),
		TEST(declarators_are_spelled_inside_out),
		TEST(members_are_found_in_anonymous_ones),
		TEST(c_scope_is_searched_first),
		TEST(strings_are_what_c_takes_for_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

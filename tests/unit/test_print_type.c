/*
 * print()'s typed dumps.  The types are made by hand, as if read from a target.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../dlang/print_type.h"

static struct dl_type t_int = { .kind = DL_INT, .name = "int", .size = 4, .is_signed = true };
static struct dl_type t_uint = { .kind = DL_INT, .name = "unsigned int", .size = 4 };
static struct dl_type t_char = {
	.kind = DL_INT, .name = "char", .size = 1, .is_signed = true, .is_char = true
};
static struct dl_type t_uchar = {
	.kind = DL_INT, .name = "unsigned char", .size = 1, .is_char = true
};
static struct dl_type t_double = { .kind = DL_FLOAT, .name = "double", .size = 8 };
static struct dl_type t_string = { .kind = DL_STRING, .name = "string" };
static struct dl_type t_func = { .kind = DL_FUNC, .ref = &t_int };
static struct dl_type t_fptr = { .kind = DL_PTR, .size = 8, .ref = &t_func };
static struct dl_type t_charptr = { .kind = DL_PTR, .size = 8, .ref = &t_char };
static struct dl_type t_myint = { .kind = DL_TYPEDEF, .name = "myint_t", .size = 4, .ref = &t_int };
static struct dl_enumerator colours[] = { { "RED", 1 }, { "BLUE", -1 } };
static struct dl_type t_enum = { .kind = DL_ENUM,
				 .name = "colour",
				 .size = 4,
				 .is_signed = true,
				 .enums = colours,
				 .n_enums = 2 };
static struct dl_type t_forward = { .kind = DL_FORWARD, .forward_of = DL_STRUCT, .name = "dark" };

static void symbolize(void *ctx, uint32_t pid, uint64_t addr, enum dl_symkind kind,
		      struct strbuf *out)
{
	(void)ctx;
	(void)pid;
	assert_int_equal(kind, DL_SYM_USYM);
	strbuf_printf(out, addr == 0x10 ? "a`f" : "0x%llx", (unsigned long long)addr);
}

static const char *shown(struct dl_type *t, const void *data, size_t len)
{
	static struct strbuf out;
	const struct dl_format_env env = { .symbolize = symbolize };

	strbuf_deinit(&out);
	dl_print_typed(&out, t, data, len, 8, &env);
	return strbuf_text(&out);
}

/* What follows the type, whose spelling is another module's. */
static const char *value(struct dl_type *t, const void *data, size_t len)
{
	static struct strbuf type;

	strbuf_deinit(&type);
	dl_type_print(&type, t);

	const char *text = shown(t, data, len);

	assert_memory_equal(text, strbuf_text(&type), type.len);
	assert_int_equal(text[type.len], ' ');
	text += type.len + 1;
	strbuf_deinit(&type);
	return text;
}

static void integers_are_hex_and_zero_is_bare(void **state)
{
	(void)state;
	assert_string_equal(shown(&t_int, (int[]){ 123 }, 4), "int 0x7b\n");
	assert_string_equal(shown(&t_int, (int[]){ -1 }, 4), "int 0xffffffff\n");
	assert_string_equal(shown(&t_int, (int[]){ 0 }, 4), "int 0\n");
	assert_string_equal(shown(&t_myint, (int[]){ 1 }, 4), "myint_t 0x1\n");
	assert_string_equal(shown(&t_uchar, "\xff", 1), "unsigned char 0xff\n");
}

static void characters_are_quoted(void **state)
{
	(void)state;
	assert_string_equal(shown(&t_char, "x", 1), "char 'x'\n");
	assert_string_equal(shown(&t_char, "", 1), "char '\\0'\n");
	assert_string_equal(shown(&t_char, "\x01", 1), "char '\\001'\n");
	assert_string_equal(shown(&t_char, "'", 1), "char '\\''\n");
}

static void floats_enums_and_pointers(void **state)
{
	(void)state;
	assert_string_equal(shown(&t_double, (double[]){ 1.5 }, 8), "double +1.5000000e+00\n");
	assert_string_equal(value(&t_enum, (int[]){ 1 }, 4), "RED\n");
	assert_string_equal(value(&t_enum, (int[]){ -1 }, 4), "BLUE\n");
	assert_string_equal(value(&t_enum, (int[]){ 7 }, 4), "7\n");
	assert_string_equal(value(&t_charptr, (uint64_t[]){ 0x7f00 }, 8), "0x7f00\n");
	assert_string_equal(value(&t_charptr, (uint64_t[]){ 0 }, 8), "0x0\n");
	assert_string_equal(value(&t_fptr, (uint64_t[]){ 0x10 }, 8), "a`f\n");
	assert_string_equal(value(&t_fptr, (uint64_t[]){ 0x20 }, 8), "0x20\n");
}

static void arrays_and_text(void **state)
{
	struct dl_type ints = { .kind = DL_ARRAY, .ref = &t_int, .n_elems = 2, .size = 8 };
	struct dl_type chars = { .kind = DL_ARRAY, .ref = &t_char, .n_elems = 4, .size = 4 };

	(void)state;
	assert_string_equal(value(&ints, (int[]){ 1, 0 }, 8), "[ 0x1, 0 ]\n");
	assert_string_equal(value(&chars, "abc", 4), "\"abc\"\n");
	assert_string_equal(value(&chars, "abcd", 4), "[ 'a', 'b', 'c', 'd' ]\n");
	assert_string_equal(value(&chars, "a\x01\0", 4), "[ 'a', '\\001', '\\0', '\\0' ]\n");
	assert_string_equal(value(&t_string, "hey\0....", 8), "\"hey\"\n");
}

static void structs_indent_their_members(void **state)
{
	struct dl_type chars = { .kind = DL_ARRAY, .ref = &t_char, .n_elems = 4, .size = 4 };
	struct dl_member inner_m[] = { { "lo", &t_uint, 0, 3 },
				       { NULL, &t_uint, 3, 5 },
				       { "hi", &t_uint, 8, 8 } };
	struct dl_type inner = {
		.kind = DL_STRUCT, .name = "inner", .size = 4, .members = inner_m, .n_members = 3
	};
	struct dl_type two = { .kind = DL_ARRAY, .ref = &inner, .n_elems = 2, .size = 8 };
	struct dl_member m[] = { { "a", &t_int, 0, 0 },
				 { "in", &inner, 32, 0 },
				 { "p", &t_charptr, 64, 0 },
				 { "s", &chars, 128, 0 },
				 { "v", &two, 160, 0 } };
	struct dl_type outer = {
		.kind = DL_STRUCT, .name = "outer", .size = 28, .members = m, .n_members = 5
	};
	uint8_t data[28] = { 1, 0, 0, 0, 0xfd, 0x22 };
	const char *text;

	(void)state;
	memcpy(data + 16, "hi", 3);
	data[20] = 2;
	data[25] = 3;
	text = value(&outer, data, sizeof(data));
	assert_memory_equal(text, "{\n    int a = 0x1\n", 18);
	assert_non_null(strstr(text, "\n    struct inner in = {\n"
				     "        unsigned int lo :3 = 0x5\n"
				     "        unsigned int hi :8 = 0x22\n"
				     "    }\n"));
	assert_non_null(strstr(text, "*p = 0x0\n"));
	assert_non_null(strstr(text, " s = [ \"hi\" ]\n"));
	assert_non_null(strstr(text, " v = [\n"
				     "        {\n"
				     "            unsigned int lo :3 = 0x2\n"
				     "            unsigned int hi :8 = 0\n"
				     "        }, {\n"
				     "            unsigned int lo :3 = 0\n"
				     "            unsigned int hi :8 = 0x3\n"
				     "        }\n"
				     "    ]\n"
				     "}\n"));
}

static void bit_fields_may_span_nine_bytes(void **state)
{
	struct dl_type t_u64 = { .kind = DL_INT, .name = "unsigned long", .size = 8 };
	struct dl_member m[] = { { "x", &t_u64, 4, 64 } };
	struct dl_type s = {
		.kind = DL_STRUCT, .name = "s", .size = 9, .members = m, .n_members = 1
	};
	const uint8_t data[] = { 0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe, 0x0f };

	(void)state;
	assert_non_null(strstr(shown(&s, data, 9), "x :64 = 0xffedcba987654321\n"));
}

static void data_shorter_than_its_type_is_no_trap(void **state)
{
	struct dl_member m[] = { { "a", &t_int, 0, 0 },
				 { "b", &t_int, 1ull << 40, 0 },
				 { "c", &t_uint, 1ull << 40, 5 } };
	struct dl_type s = {
		.kind = DL_STRUCT, .name = "s", .size = 4, .members = m, .n_members = 3
	};
	struct dl_type many = { .kind = DL_ARRAY, .ref = &t_int, .n_elems = UINT64_MAX / 2 };

	(void)state;
	assert_string_equal(shown(&t_int, "", 1), "int <truncated>\n");
	assert_string_equal(value(&s, (int[]){ 1 }, 4),
			    "{\n    int a = 0x1\n"
			    "    int b = <truncated>\n    unsigned int c :5 = <truncated>\n}\n");
	assert_string_equal(value(&many, (int[]){ 1 }, 4), "[ 0x1, <truncated> ]\n");
	assert_string_equal(value(&t_forward, "", 0), "<forward decl>\n");
}

/* A struct with itself inside can't come from a compiler, but from a file. */
static void nesting_is_bounded(void **state)
{
	struct dl_member m[2] = { { "a", NULL, 0, 0 }, { "b", NULL, 0, 0 } };
	struct dl_type s = {
		.kind = DL_STRUCT, .name = "s", .size = 4, .members = m, .n_members = 2
	};
	size_t len;

	(void)state;
	m[0].type = m[1].type = &s;
	len = strlen(shown(&s, (int[]){ 1 }, 4));
	assert_true(len < 1u << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_hex_and_zero_is_bare),
		cmocka_unit_test(characters_are_quoted),
		cmocka_unit_test(floats_enums_and_pointers),
		cmocka_unit_test(arrays_and_text),
		cmocka_unit_test(structs_indent_their_members),
		cmocka_unit_test(bit_fields_may_span_nine_bytes),
		cmocka_unit_test(data_shorter_than_its_type_is_no_trap),
		cmocka_unit_test(nesting_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

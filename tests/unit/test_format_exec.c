/*
 * printf conversions over encoded values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../dlang/format_exec.h"

static struct strbuf out;

/* One conversion over one encoded field. */
static const char *field(struct dl_conv c, const struct dl_value_desc *d, const void *data,
			 uint32_t len, const struct dl_format_env *env)
{
	const struct dl_format_env none = { 0 };
	const struct dl_format f = { &c, 1 };
	const struct dl_value v = { d, data, len };

	strbuf_reset(&out);
	assert_true(dl_format_exec(&out, &f, &v, 1, env ? env : &none));
	return strbuf_text(&out);
}

static const char *integer(char conv, uint32_t flags, int width, int prec, int64_t value,
			   uint32_t size, bool is_signed)
{
	const struct dl_value_desc d = { .kind = DL_VK_INT, .size = size, .is_signed = is_signed };
	const struct dl_conv c = {
		.text = "", .conv = conv, .flags = flags, .width = width, .prec = prec
	};

	return field(c, &d, &value, 8, NULL);
}

static const char *string_sized(char conv, const char *size, uint32_t flags, int width, int prec,
				const void *bytes, uint32_t n)
{
	static uint8_t data[256];
	const struct dl_value_desc d = { .kind = DL_VK_STRING, .size = 256 };
	struct dl_conv c = {
		.text = "", .conv = conv, .flags = flags, .width = width, .prec = prec
	};

	strcpy(c.size, size);
	memcpy(data, &n, 4);
	memcpy(data + 4, bytes, n);
	return field(c, &d, data, n + 4, NULL);
}

static const char *string(char conv, uint32_t flags, int width, int prec, const char *s)
{
	return string_sized(conv, "", flags, width, prec, s, (uint32_t)strlen(s));
}

static void d_follows_the_type_and_i_is_signed(void **state)
{
	(void)state;
	assert_string_equal(integer('d', 0, 0, 0, -5, 4, true), "-5");
	assert_string_equal(integer('d', 0, 0, 0, -1, 8, false), "18446744073709551615");
	assert_string_equal(integer('d', 0, 0, 0, 0xffffffff, 4, false), "4294967295");
	assert_string_equal(integer('i', 0, 0, 0, 0xffffffff, 4, false), "-1");
	assert_string_equal(integer('u', 0, 0, 0, -1, 2, true), "65535");
	assert_string_equal(integer('d', 0, 0, 0, INT64_MIN, 8, true), "-9223372036854775808");
}

static void unsigned_conversions_cut_to_the_size(void **state)
{
	(void)state;
	assert_string_equal(integer('x', 0, 0, 0, -1, 1, true), "ff");
	assert_string_equal(integer('X', 0, 0, 0, 0xabc, 4, true), "ABC");
	assert_string_equal(integer('o', DL_CF_ALT, 0, 0, 8, 4, true), "010");
	assert_string_equal(integer('x', DL_CF_ALT, 0, 0, 255, 4, true), "0xff");
	assert_string_equal(integer('x', DL_CF_ALT, 0, 0, 0, 4, true), "0");
	assert_string_equal(integer('p', 0, 0, 0, 0xbeef, 8, false), "beef");
	assert_string_equal(integer('p', DL_CF_PTRWIDTH | DL_CF_ZERO, 0, 0, 0xbeef, 8, false),
			    "000000000000beef");
}

/* The C library is the reference for flags, width and precision. */
static void flags_and_widths_are_those_of_c(void **state)
{
	static const char letters[] = "#0-+ ";
	static const int64_t values[] = { 0, 1, -1, 42, -12345, INT32_MAX };
	static const int sizes[][2] = { { 0, 0 }, { 8, 0 }, { 3, 0 }, { 12, 5 }, { 0, 7 } };
	char fmt[32], expect[64];

	(void)state;
	for (unsigned flags = 0; flags < 32; flags++)
		for (unsigned v = 0; v < 6; v++)
			for (unsigned s = 0; s < 5; s++)
				for (const char *conv = "dxuoX"; *conv; conv++) {
					char *p = fmt;

					*p++ = '%';
					for (unsigned i = 0; i < 5; i++)
						if (flags & (1u << i))
							*p++ = letters[i];
					if (sizes[s][0])
						p += sprintf(p, "%d", sizes[s][0]);
					if (sizes[s][1])
						p += sprintf(p, ".%d", sizes[s][1]);
					*p++ = *conv;
					*p = '\0';
					snprintf(expect, sizeof(expect), fmt, (int)values[v]);
					assert_string_equal(integer(*conv, flags, sizes[s][0],
								    sizes[s][1], values[v], 4,
								    true),
							    expect);
				}
}

static void strings_pad_and_cut(void **state)
{
	const struct dl_value_desc d = { .kind = DL_VK_BYTES, .size = 8 };
	const struct dl_conv c = { .text = "", .conv = 's' };

	(void)state;
	assert_string_equal(string('s', 0, 0, 0, "hello"), "hello");
	assert_string_equal(string('s', 0, 8, 0, "hello"), "   hello");
	assert_string_equal(string('s', DL_CF_LEFT, 8, 3, "hello"), "hel     ");
	assert_string_equal(field(c, &d, "abc\0defg", 8, NULL), "abc");
	assert_string_equal(field(c, &d, "abcdefgh", 8, NULL), "abcdefgh");
}

static void S_and_C_escape(void **state)
{
	(void)state;
	assert_string_equal(string('S', 0, 0, 0, "a\n\t\"\\\x01\xff"), "a\\n\\t\\\"\\\\\\001\\377");
	assert_string_equal(integer('C', 0, 0, 0, '\n', 1, true), "\\n");
	assert_string_equal(integer('C', 0, 0, 0, 'x', 1, true), "x");
	assert_string_equal(integer('c', 0, 3, 0, 'x', 1, true), "  x");
}

static void wide_text_becomes_utf8(void **state)
{
	const uint32_t wide[] = { 'a', 0xe9, 0x20ac, 0x1f600, 0, 'z' };
	const struct dl_value_desc i32 = { .kind = DL_VK_INT, .size = 4, .is_signed = true };
	const struct dl_conv lc = { .text = "", .conv = 'c', .size = "l" };
	int64_t euro = 0x20ac;

	(void)state;
	assert_string_equal(string_sized('s', "l", 0, 0, 0, wide, sizeof(wide)),
			    "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_string_equal(field(lc, &i32, &euro, 8, NULL), "\xe2\x82\xac");
}

static void floats_keep_flags_and_precision(void **state)
{
	const struct dl_value_desc d64 = { .kind = DL_VK_FLOAT, .size = 8 };
	const struct dl_value_desc d32 = { .kind = DL_VK_FLOAT, .size = 4 };
	const struct dl_conv f = {
		.text = "", .conv = 'f', .flags = DL_CF_PLUS, .width = 9, .prec = 2
	};
	const struct dl_conv g = { .text = "", .conv = 'g' };
	double x = 3.14159;
	float y = 0.5f;

	(void)state;
	assert_string_equal(field(f, &d64, &x, 8, NULL), "    +3.14");
	assert_string_equal(field(g, &d32, &y, 4, NULL), "0.5");
}

static void times_are_local(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(integer('Y', 0, 0, 0, 1075035600000000000, 8, true),
			    "2004 Jan 25 13:00:00");
	assert_string_equal(integer('Y', 0, 0, 0, 1073221200000000000, 8, true),
			    "2004 Jan  4 13:00:00");
	assert_string_equal(integer('T', 0, 0, 0, 1075035600000000000, 8, true),
			    "Sun, 25 Jan 2004 13:00:00 UTC");
}

static void symbolize(void *ctx, uint32_t pid, uint64_t addr, enum dl_symkind kind,
		      struct strbuf *to)
{
	(void)ctx;
	strbuf_printf(to, "lib%u`f%llx%s", pid, (unsigned long long)addr,
		      kind == DL_SYM_UADDR ? "+0x1" : "");
}

static void addresses_and_stacks_have_names(void **state)
{
	const struct dl_format_env env = { .symbolize = symbolize, .pid = 9 };
	const struct dl_value_desc ptr = { .kind = DL_VK_INT, .size = 8 };
	const struct dl_value_desc sym = { .kind = DL_VK_SYM, .symkind = DL_SYM_USYM };
	const struct dl_value_desc stack = { .kind = DL_VK_USTACK, .size = 4 };
	struct dl_conv A = { .text = "", .conv = 'A' }, k = { .text = "", .conv = 'k' };
	uint64_t addr = 0x10, pair[] = { 7, 0x20 }, frames[] = { 7, 3, 1, 2, 0 };

	(void)state;
	assert_string_equal(field(A, &ptr, &addr, 8, &env), "lib9`f10+0x1");
	assert_string_equal(field(A, &sym, pair, 16, &env), "lib7`f20");
	assert_string_equal(field(A, &ptr, &addr, 8, NULL), "0x10");
	A.width = 15;
	assert_string_equal(field(A, &ptr, &addr, 8, &env), "   lib9`f10+0x1");
	assert_string_equal(field(k, &stack, frames, 40, &env), "\nlib7`f1+0x1\nlib7`f2+0x1\n");
	k.flags = DL_CF_LEFT;
	k.width = 4;
	assert_string_equal(field(k, &stack, frames, 40, &env),
			    "\n    lib7`f1+0x1\n    lib7`f2+0x1\n");
}

static void dynamic_widths_come_first(void **state)
{
	const struct dl_value_desc i32 = { .kind = DL_VK_INT, .size = 4, .is_signed = true };
	const struct dl_conv c[] = {
		{ .text = "[",
		  .text_len = 1,
		  .conv = 'd',
		  .flags = DL_CF_DYNWIDTH | DL_CF_DYNPREC },
		{ .text = "]", .text_len = 1 },
	};
	const struct dl_format f = { c, 2 };
	const struct dl_format_env env = { 0 };
	int64_t words[] = { -6, 3, 7 };
	struct dl_value v[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		v[i] = (struct dl_value){ &i32, (uint8_t *)&words[i], 8 };
	strbuf_reset(&out);
	assert_true(dl_format_exec(&out, &f, v, 3, &env));
	assert_string_equal(strbuf_text(&out), "[007   ]");
	strbuf_reset(&out);
	assert_false(dl_format_exec(&out, &f, v, 2, &env));
	assert_string_equal(strbuf_text(&out), "[]");
}

static void an_absurd_width_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(strlen(integer('d', 0, 2000000000, 0, 1, 4, true)), 65536);
}

static void agg_conversions_take_the_next_and_repeat_the_last(void **state)
{
	const struct dl_aggdesc count = { .func = DL_AGG_COUNT }, sum = { .func = DL_AGG_SUM };
	int64_t big = -1, seven = -70;
	const struct dl_agg_entry a = { .values = &big, .n_values = 1, .hits = 1 };
	const struct dl_agg_entry b = { .values = &seven, .n_values = 1, .hits = 1 };
	const struct dl_agg_cell cells[] = { { &count, &a, 1 }, { &sum, &b, 10 } };
	const struct dl_format_env env = { .aggs = cells, .n_aggs = 2 };
	const struct dl_conv c[] = {
		{ .text = "", .conv = 'd', .flags = DL_CF_AGG },
		{ .text = " ", .text_len = 1, .conv = 'd', .flags = DL_CF_AGG, .width = 4 },
		{ .text = " ", .text_len = 1, .conv = 'd', .flags = DL_CF_AGG },
	};
	const struct dl_format f = { c, 3 };

	(void)state;
	strbuf_reset(&out);
	assert_true(dl_format_exec(&out, &f, NULL, 0, &env));
	assert_string_equal(strbuf_text(&out), "18446744073709551615   -7 -7");
}

static void a_missing_key_counts_as_zero(void **state)
{
	const struct dl_aggdesc sum = { .func = DL_AGG_SUM };
	int64_t min = INT64_MAX;
	const struct dl_agg_entry cleared = { .values = &min, .n_values = 1, .hits = 0 };
	struct dl_agg_cell cell = { &sum, NULL, 1 };

	(void)state;
	assert_int_equal(dl_agg_cell_value(&cell), 0);
	cell.entry = &cleared;
	assert_int_equal(dl_agg_cell_value(&cell), 0);
}

static int free_text(void **state)
{
	(void)state;
	strbuf_deinit(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(d_follows_the_type_and_i_is_signed),
		cmocka_unit_test(unsigned_conversions_cut_to_the_size),
		cmocka_unit_test(flags_and_widths_are_those_of_c),
		cmocka_unit_test(strings_pad_and_cut),
		cmocka_unit_test(S_and_C_escape),
		cmocka_unit_test(wide_text_becomes_utf8),
		cmocka_unit_test(floats_keep_flags_and_precision),
		cmocka_unit_test(times_are_local),
		cmocka_unit_test(addresses_and_stacks_have_names),
		cmocka_unit_test(dynamic_widths_come_first),
		cmocka_unit_test(an_absurd_width_is_bounded),
		cmocka_unit_test(agg_conversions_take_the_next_and_repeat_the_last),
		cmocka_unit_test(a_missing_key_counts_as_zero),
	};

	return cmocka_run_group_tests(tests, NULL, free_text);
}

/*
 * The field encoding of trace data and keys, taken apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../dlang/format.h"
#include "../../dlang/program.h"

static const struct dl_value_desc s32 = { .kind = DL_VK_INT, .size = 4, .is_signed = true };
static const struct dl_value_desc u8 = { .kind = DL_VK_INT, .size = 1 };
static const struct dl_value_desc str = { .kind = DL_VK_STRING, .size = 256 };

static void integers_extend_by_their_own_type(void **state)
{
	uint8_t data[8];
	struct dl_value v;
	int64_t word = -2;

	(void)state;
	memcpy(data, &word, 8);
	assert_true(dl_values_split(&s32, 1, data, 8, &v));
	assert_int_equal(dl_value_int(&v), -2);
	assert_true(dl_values_split(&u8, 1, data, 8, &v));
	assert_int_equal(dl_value_int(&v), 254);
}

static void fields_follow_one_another_padded(void **state)
{
	const struct dl_value_desc descs[] = {
		str,
		{ .kind = DL_VK_BYTES, .size = 3 },
		{ .kind = DL_VK_STACK },
		{ .kind = DL_VK_SYM },
		{ .kind = DL_VK_USTACK },
	};
	uint64_t words[] = { 0, 0, 0x636261, 42, 0x1234, 7, 2, 10, 20 };
	uint8_t *data = (uint8_t *)words;
	struct dl_value v[5];
	uint32_t len;

	(void)state;
	memcpy(data, "\5\0\0\0hello\0\0\0\0\0\0\0", 16);
	assert_true(dl_values_split(descs, 5, data, sizeof(words), v));
	assert_memory_equal(dl_value_bytes(&v[0], &len), "hello", 5);
	assert_int_equal(len, 5);
	assert_memory_equal(dl_value_bytes(&v[1], &len), "abc", 3);
	assert_int_equal(len, 3);
	assert_int_equal(dl_value_word(&v[3], 0), 42);
	assert_int_equal(dl_value_int(&v[3]), 0x1234);
	assert_int_equal(dl_value_word(&v[4], 0), 7);
	assert_int_equal(dl_value_word(&v[4], 3), 20);
	assert_int_equal(dl_value_word(&v[4], 4), 0);
}

static void a_length_past_the_end_is_refused(void **state)
{
	uint8_t data[16] = { 13 };
	struct dl_value v[2];

	(void)state;
	assert_false(dl_values_split(&str, 1, data, 16, v));
	data[0] = 12;
	assert_true(dl_values_split(&str, 1, data, 16, v));
	memset(data, 0xff, 4);
	assert_false(dl_values_split(&str, 1, data, 16, v));
	assert_false(dl_values_split(&str, 1, data, 3, v));
	assert_false(dl_values_split(&s32, 1, data, 7, v));
	assert_false(dl_values_split(&s32, 1, data, 0, v));
}

static void a_stack_of_absurd_depth_is_refused(void **state)
{
	const struct dl_value_desc stack = { .kind = DL_VK_USTACK, .size = 100 };
	uint64_t words[] = { 1, UINT64_MAX / 8, 3 };
	struct dl_value v;

	(void)state;
	assert_false(dl_values_split(&stack, 1, (uint8_t *)words, 24, &v));
	words[1] = 2;
	assert_false(dl_values_split(&stack, 1, (uint8_t *)words, 24, &v));
	words[1] = 1;
	assert_true(dl_values_split(&stack, 1, (uint8_t *)words, 24, &v));
	assert_false(dl_values_split(&stack, 1, (uint8_t *)words, 8, &v));
}

static void left_over_bytes_are_refused(void **state)
{
	uint8_t data[16] = { 0 };
	struct dl_value v;

	(void)state;
	assert_false(dl_values_split(&s32, 1, data, 16, &v));
	assert_true(dl_values_split(NULL, 0, data, 0, &v));
	assert_false(dl_values_split(NULL, 0, data, 8, &v));
}

static void the_last_padding_may_be_missing(void **state)
{
	const struct dl_value_desc bytes = { .kind = DL_VK_BYTES, .size = 3 };
	uint8_t data[3] = "ab";
	struct dl_value v;

	(void)state;
	assert_true(dl_values_split(&bytes, 1, data, 3, &v));
	assert_false(dl_values_split(&bytes, 1, data, 2, &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_extend_by_their_own_type),
		cmocka_unit_test(fields_follow_one_another_padded),
		cmocka_unit_test(a_length_past_the_end_is_refused),
		cmocka_unit_test(a_stack_of_absurd_depth_is_refused),
		cmocka_unit_test(left_over_bytes_are_refused),
		cmocka_unit_test(the_last_padding_may_be_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

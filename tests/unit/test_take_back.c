/* What a thread left open in its ring is taken back, whatever the ring says of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/record.h"

#define SIZE 4096u
#define GUARD 64u

static struct {
	uint64_t before[GUARD / 8], data[2 * SIZE / 8], behind[GUARD / 8];
} mem;

static uint8_t *const data = (uint8_t *)mem.data;

/* Ends of records at 64 and 128, then something open up to head. */
static struct arch_ring open_ring(uint64_t head)
{
	struct arch_ring r = { .mask = UINT64_MAX, .head = head, .tail = UINT64_MAX };

	memset(&mem, 0xaa, sizeof(mem));
	memset(mem.data, 0, sizeof(mem.data));
	mem.data[0] = mem.data[8] = 64;
	mem.data[17] = 7;
	return r;
}

static void assert_guards(void)
{
	for (unsigned i = 0; i < GUARD / 8; i++) {
		assert_int_equal(mem.before[i], UINT64_C(0xaaaaaaaaaaaaaaaa));
		assert_int_equal(mem.behind[i], UINT64_C(0xaaaaaaaaaaaaaaaa));
	}
}

static void what_is_open_goes(void **state)
{
	struct arch_ring r = open_ring(256);

	(void)state;
	arch_ring_take_back(&r, data, 0, SIZE, 128);
	assert_int_equal(r.head, 128);
	assert_int_equal(mem.data[17], 0);
	assert_guards();
}

static void before_another_s_record_it_becomes_filler(void **state)
{
	struct arch_ring r = open_ring(256);

	(void)state;
	arch_ring_take_back(&r, data, 0, SIZE, 64);
	assert_int_equal(r.head, 256);
	assert_int_equal(mem.data[16], 64);
	assert_int_equal(mem.data[17], 0);
	assert_guards();
}

static void heads_that_can_not_be_change_nothing(void **state)
{
	static const uint64_t heads[] = { UINT64_MAX, SIZE + 8, UINT64_C(1) << 40 };

	(void)state;
	for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct arch_ring r = open_ring(heads[i]);

		arch_ring_take_back(&r, data, 0, SIZE, 128);
		assert_int_equal(r.head, heads[i]);
		assert_int_equal(mem.data[17], 7);
		assert_guards();
	}
}

static void a_length_that_can_not_be_ends_the_walk(void **state)
{
	static const uint64_t lengths[] = { UINT32_MAX, 4, 63, SIZE };

	(void)state;
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct arch_ring r = open_ring(256);

		mem.data[8] = lengths[i];
		arch_ring_take_back(&r, data, 0, SIZE, 192);
		assert_int_equal(r.head, 64);
		assert_guards();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_open_goes),
		cmocka_unit_test(before_another_s_record_it_becomes_filler),
		cmocka_unit_test(heads_that_can_not_be_change_nothing),
		cmocka_unit_test(a_length_that_can_not_be_ends_the_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

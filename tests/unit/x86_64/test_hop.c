/*
 * Patches of system calls that leave what follows as it is.
 */
#include "arch/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define ADDR 0x7f0012345678ull

/* For each address that a hop may have the patch leads there, and changes two bytes. */
static void check(const uint8_t code[ARCH_HOP_CODE])
{
	struct arch_span range;
	unsigned i;

	for (i = 0; arch_hop_range(code, ADDR, i, &range); i++) {
		assert_true(range.lo <= range.hi && range.hi - range.lo < 256);
		for (uint64_t hop = range.lo; hop <= range.hi; hop++) {
			struct arch_patch_write w[2];
			struct arch_patch_plan plan;
			struct arch_insn insn;

			assert_true(arch_hop_plan(code, ADDR, hop, &plan));
			assert_int_equal(arch_patch_bytes(&plan, hop + 0x1000, w), 2);
			assert_true(w[0].addr == hop && w[0].len == ARCH_HOP_BYTES);
			assert_true(arch_insn_length(w[0].bytes, w[0].len, hop, &insn));
			assert_true(insn.flow == ARCH_FLOW_JUMP && insn.target == hop + 0x1000);
			assert_true(w[1].addr == ADDR && w[1].len == ARCH_HOP_CODE);
			assert_memory_equal(w[1].orig, code, ARCH_HOP_CODE);
			assert_memory_equal(w[1].bytes + 2, code + 2, ARCH_HOP_CODE - 2);
			assert_true(arch_insn_length(w[1].bytes, w[1].len, ADDR, &insn));
			assert_true(insn.flow == ARCH_FLOW_JUMP && insn.target == hop);
		}
	}
	assert_true(i == 2);
}

static void test_all_ways_lead_to_the_hop(void **state)
{
	static const uint8_t codes[][ARCH_HOP_CODE] = {
		{ 0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0 }, /* cmp $-4095, %rax */
		{ 0x0f, 0x05, 0x48, 0x3d, 0x00, 0xf0 },
		{ 0x0f, 0x05, 0xc3, 0x0f, 0x1f, 0x40 }, /* ret; nop */
		{ 0x0f, 0x05, 0x85, 0xc0, 0x75, 0x0a }, /* test %eax, %eax; jne */
		{ 0x0f, 0x05, 0xff, 0xff, 0xff, 0xff },
	};
	(void)state;

	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		check(codes[i]);
}

static void test_only_system_calls_are_patched(void **state)
{
	static const uint8_t code[ARCH_HOP_CODE] = { 0xcd, 0x80, 0x48, 0x3d, 0x01, 0xf0 };
	struct arch_patch_plan plan;
	(void)state;

	assert_false(arch_hop_plan(code, ADDR, ADDR + 0x1000, &plan));
}

static void test_a_slot_makes_the_call_and_goes_on(void **state)
{
	static const uint8_t code[2] = { 0xcd, 0x80 };
	uint8_t slot[ARCH_SLOT_CALL];
	uint64_t back;
	(void)state;

	arch_plain_slot(code, ADDR, slot);
	assert_memory_equal(slot, code, sizeof(code));
	memcpy(&back, slot + 8, sizeof(back));
	assert_true(back == ADDR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_ways_lead_to_the_hop),
		cmocka_unit_test(test_only_system_calls_are_patched),
		cmocka_unit_test(test_a_slot_makes_the_call_and_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Planning: what is displaced, what is refused and why, how far a branch goes.
 */
#include "arch/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define NOP 0xd503201fu
#define BTI_C 0xd503245fu
#define PACIASP 0xd503233fu
#define RET 0xd65f03c0u
#define LDAXR 0xc85ffc20u /* ldaxr x0, [x1] */
#define STLXR 0xc802fc20u /* stlxr w2, x0, [x1] */
#define MOVPRFX 0x0420bc20u /* movprfx z0, z1 */
#define ADD 0x91000400u /* add x0, x0, #1 */
#define BRK 0xd4200000u
#define BL 0x94000010u
#define SVC 0xd4000001u
#define ADDR 0x400000

static struct arch_func func;
static struct arch_patch_plan plan;

static void look(const uint32_t *words, size_t n)
{
	arch_func_deinit(&func);
	func.code = (const uint8_t *)words;
	func.addr = ADDR;
	func.len = 4 * n;
	assert_true(arch_func_scan(&func));
}

static void test_any_instruction_that_can_be_moved_is_displaced_alone(void **state)
{
	static const uint32_t words[] = { ADD, BL, SVC, 0x14000001, 0x54000040, RET };

	(void)state;
	func = (struct arch_func){ .code = NULL };
	look(words, 6);
	for (uint64_t off = 0; off < 24; off += 4) {
		assert_null(arch_patch_plan(&func, off, &plan));
		assert_int_equal(plan.addr, ADDR + off);
		assert_int_equal(plan.site, ADDR + off);
		assert_int_equal(plan.len, 4);
		assert_int_equal(plan.n_insns, 1);
		assert_int_equal(plan.tactic, ARCH_TACTIC_ONE);
		assert_memory_equal(plan.orig, words + off / 4, 4);
		assert_int_equal(plan.calls, off == 4);
		assert_int_equal(arch_patch_insn(&plan, ADDR + off), 0);
		assert_int_equal(arch_patch_insn(&plan, ADDR + off + 4), -1);
	}
	assert_non_null(arch_patch_plan(&func, 2, &plan));
	assert_non_null(arch_patch_plan(&func, 24, &plan));
}

static void test_a_landing_pad_stays(void **state)
{
	static const uint32_t pads[] = { BTI_C, 0xd503249f, 0xd50324df, PACIASP, 0xd503237f };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		const uint32_t words[] = { pads[i], ADD, RET };
		const uint32_t loops[] = { pads[i], ADD, 0x54ffffe0 /* b.eq -4 */, RET };
		const uint64_t target = ADDR + 4;

		look(words, 3);
		assert_null(arch_patch_plan(&func, 0, &plan));
		assert_int_equal(plan.site, ADDR);
		assert_int_equal(plan.addr, ADDR + 4);
		assert_int_equal(arch_patch_insn(&plan, ADDR), 0);
		assert_int_equal(arch_patch_insn(&plan, ADDR + 4), 0);
		/* Who goes behind the pad would fire. */
		look(loops, 4);
		assert_string_equal(arch_patch_plan(&func, 0, &plan),
				    "a branch goes to the bytes behind it");
		func.targets = &target;
		func.n_targets = 1;
		look(words, 3);
		assert_non_null(arch_patch_plan(&func, 0, &plan));
		assert_null(arch_patch_plan(&func, 4, &plan));
		func.targets = NULL;
		func.n_targets = 0;
		look(words, 1);
		assert_non_null(arch_patch_plan(&func, 0, &plan));
	}
}

static void test_what_must_stay_in_its_place_is_refused(void **state)
{
	static const uint32_t words[] = { LDAXR, ADD, STLXR, ADD, MOVPRFX, ADD, BRK, ADD };
	const struct arch_span keep = { ADDR + 28, ADDR + 29 };
	static const bool refused[] = { true, true, true, false, true, true, true, true };

	(void)state;
	func.keep = &keep;
	func.n_keep = 1;
	look(words, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(arch_patch_plan(&func, 4 * i, &plan) != NULL, refused[i]);
	func.keep = NULL;
	func.n_keep = 0;
}

static void test_slots_are_within_reach_of_the_branch(void **state)
{
	static const uint32_t words[] = { ADD, RET };
	const uint64_t far = UINT64_C(1) << 40;
	struct arch_patch_write w[2];
	uint64_t at;
	uint32_t b;

	(void)state;
	look(words, 2);
	func.addr = far;
	assert_true(arch_func_scan(&func));
	assert_null(arch_patch_plan(&func, 0, &plan));
	assert_true(arch_patch_find_slot(&plan, 0, UINT64_MAX / 2, 0x1000, &at));
	assert_int_equal(at, far - arch_reach);
	assert_int_equal(arch_patch_bytes(&plan, at, w), 1);
	memcpy(&b, w[0].bytes, 4);
	assert_int_equal(b, 0x14000000 | (0x3ffffff & (uint32_t)(-(int64_t)arch_reach / 4)));
	assert_memory_equal(w[0].orig, words, 4);
	assert_int_equal(w[0].addr, far);
	assert_true(arch_patch_find_slot(&plan, far + 1, far + 0x2000, 0x1000, &at));
	assert_int_equal(at, far + 4);
	assert_false(arch_patch_find_slot(&plan, far, far + 0x800, 0x1000, &at));
	assert_false(arch_patch_find_slot(&plan, far + arch_reach, UINT64_MAX / 2, 0x1000, &at));
	assert_int_equal(arch_patch_bytes(&plan, far + arch_reach + 4, w), 0);
	assert_int_equal(arch_patch_bytes(&plan, far + 2, w), 0);
}

static void test_the_table_of_rings_holds_many_threads(void **state)
{
	static struct arch_anchors a;
	unsigned n = 0;

	(void)state;
	assert_true(arch_anchors_set(&a, 0, 0));
	assert_false(arch_anchors_set(&a, 0, 64));
	/* As glibc's stacks lie: eight megabytes and a page apart. */
	for (uint64_t i = 0; i < 2000; i++)
		n += arch_anchors_set(&a, 0xffff80000700 + i * 0x810000, 64 * (i + 1));
	assert_int_equal(n, 2000);
	for (uint64_t i = 0; i < 2000; i += 2)
		assert_true(arch_anchors_set(&a, 0xffff80000700 + i * 0x810000, 0));
	n = 0;
	for (size_t i = 0; i < sizeof(a.slots) / sizeof(a.slots[0]); i++)
		n += a.slots[i].key != 0;
	assert_int_equal(n, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_instruction_that_can_be_moved_is_displaced_alone),
		cmocka_unit_test(test_a_landing_pad_stays),
		cmocka_unit_test(test_what_must_stay_in_its_place_is_refused),
		cmocka_unit_test(test_slots_are_within_reach_of_the_branch),
		cmocka_unit_test(test_the_table_of_rings_holds_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Aggregation cells: what the trampoline's instructions make of values is what
 * the aggregation would; what they cost; what happens when the value faults.
 */
#include "tramp_programs.h"

FUNC(nop5, ".byte 0x0f, 0x1f, 0x44, 0, 0");
FUNC(nop5_cmp, ".byte 0x0f, 0x1f, 0x44, 0, 0; cmp %rax, %rax");
FUNC(branch, "test %dil, %dil; je 1f; mov %rsi, %rax; inc %rdx; 1: setz %cl; mov %rsi, %rdi");

static void arg_to(struct cpu *cpu, unsigned n, uint64_t v)
{
	cpu->gpr[n ? RSI : RDI] = v;
}

static void see_flags(struct cpu *cpu)
{
	if (rig.plan.flags_dead)
		cpu->flags = 0x246; /* of equal operands */
}

static void put_plain(void)
{
	put(f_nop5, f_nop5_end);
}

#include "../cells.h"

static void test_cells_hold_what_the_aggregation_would(void **state)
{
	(void)state;
	for (unsigned flags_live = 0; flags_live < 2; flags_live++) {
		put(flags_live ? f_nop5 : f_nop5_cmp, flags_live ? f_nop5_end : f_nop5_cmp_end);
		must_plan(0);
		assert_int_equal(rig.plan.flags_dead & 1, !flags_live);
		run_all_cells();
	}
}

static void test_a_count_costs_no_registers_where_flags_are_dead(void **state)
{
	struct arch_agg count = { .kind = ARCH_AGG_COUNT, .cell = ARCH_RING_CELLS };
	struct arch_tramp_clause c = clause_of(&bare, 0);

	(void)state;
	ring_reset();
	put(f_branch, f_branch_end);
	assert_null(func_plan(0));
	assert_true(rig.plan.flags_dead & 1);
	c.agg = &count;
	patch_with(&c, 1);
	/* cmpl, jb, incq, then the displaced instructions */
	assert_int_equal(rig.tramp.copy[0], 12 + 6 + 9);
	func_restore();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cells_hold_what_the_aggregation_would),
		cmocka_unit_test(test_a_count_costs_no_registers_where_flags_are_dead),
		cmocka_unit_test(test_a_value_that_faults_leaves_a_record_instead),
		cmocka_unit_test(test_words_and_cells_of_a_clause_without_record),
		cmocka_unit_test(test_words_beside_a_record),
		cmocka_unit_test(test_keys_have_cells_until_there_is_no_room),
	};

	return cmocka_run_group_tests(tests, rig_open, rig_close);
}

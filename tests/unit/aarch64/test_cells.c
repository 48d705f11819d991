/*
 * Aggregation cells: what the trampoline's instructions make of values is what
 * the aggregation would; what happens when the value faults.
 */
#include "tramp_programs.h"

FUNC(plain, "nop");

static void arg_to(struct cpu *cpu, unsigned n, uint64_t v)
{
	cpu->x[n] = v;
}

static void see_flags(struct cpu *cpu)
{
	(void)cpu;
}

static void put_plain(void)
{
	put(f_plain, f_plain_end);
}

#include "../cells.h"

static void test_cells_hold_what_the_aggregation_would(void **state)
{
	(void)state;
	put_plain();
	must_plan(0);
	run_all_cells();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cells_hold_what_the_aggregation_would),
		cmocka_unit_test(test_a_value_that_faults_leaves_a_record_instead),
		cmocka_unit_test(test_words_and_cells_of_a_clause_without_record),
		cmocka_unit_test(test_words_beside_a_record),
		cmocka_unit_test(test_keys_have_cells_until_there_is_no_room),
	};

	return cmocka_run_group_tests(tests, rig_open, rig_close);
}

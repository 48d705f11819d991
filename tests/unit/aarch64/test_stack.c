/*
 * Stacks in records: registers and words as they were at the site, all of them or
 * a stop before anything is left.
 */
#include "tramp_context.h"
#include "tramp_programs.h"

static const uint32_t func[] = { 0xd503201f }; /* nop */

#define TOP (u64(rig.stack) + STACK_LEN)
#define RED_ZONE 0
#define STEP 16 /* it is aligned */
#define STEP_WIDE 32
#define HEAD_WORDS 35

static struct arch_regs told;

static void see_stop(ucontext_t *uc)
{
	struct arch_tramp_place place;

	regs_of_context(uc, &told);
	assert_true(arch_tramp_unwind(&rig.tramp, &told, read_word, NULL, &place));
	assert_int_equal(place.phase, ARCH_TRAMP_BEFORE);
	assert_int_equal(place.reserve, 0);
}

static void start(const struct arch_tramp_clause *c, uint32_t n, bool at_entry)
{
	struct arch_tramp_firing f = firing_of(c, n);

	ring_reset();
	rig.ring->stack_end = TOP;
	rig.at_stop = see_stop;
	func_put(func, sizeof(func));
	assert_null(func_plan(0));
	f = firing_of(c, n);
	f.at_entry = at_entry;
	assert_null(func_patch(&f, 1));
}

static void run(struct cpu *cpu, int64_t sp_off)
{
	random_cpu(cpu);
	cpu->x[SP] += (uint64_t)sp_off;
	struct cpu after = *cpu;

	func_run(&after, rig.func.addr);
	assert_same_cpu(cpu, &after);
}

static void assert_same_regs(const struct arch_regs *r, const struct cpu *cpu)
{
	struct arch_regs want;

	regs_of_cpu(cpu, rig.func.addr, &want);
	assert_memory_equal(r->w, want.w, PSTATE * sizeof(r->w[0]));
}

static uint64_t stack_pointer(const struct cpu *cpu)
{
	return cpu->x[SP];
}

#include "../stack_cases.h"

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers_and_stack_are_those_of_the_site),
		cmocka_unit_test(test_what_does_not_fit_is_a_stop_with_the_sites_registers),
		cmocka_unit_test(test_a_predicate_comes_before_the_stop),
		cmocka_unit_test(test_nonsense_in_a_record_has_no_stack),
	};

	return cmocka_run_group_tests(tests, rig_open, rig_close);
}

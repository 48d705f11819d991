/*
 * Stacks in records: registers and words as they were at the site, all of them or
 * a stop before anything is left.
 */
#include "tramp_context.h"
#include "tramp_programs.h"

/* nop5, ret */
static const uint8_t func[] = { 0x0f, 0x1f, 0x44, 0, 0, 0xc3 };

#define TOP (u64(rig.stack) + STACK_LEN)
#define RED_ZONE 128
#define STEP 3
#define STEP_WIDE 24
#define HEAD_WORDS 19

static struct arch_regs told;

static void see_stop(ucontext_t *uc)
{
	struct arch_tramp_place place;

	regs_of_context(uc, &told);
	arch_set_pc(&told, arch_pc(&told) - arch_bp_pc_bias);
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
	uint64_t exit_at = rig.func.addr + sizeof(func);

	random_cpu(cpu);
	cpu->gpr[RSP] += (uint64_t)sp_off;
	memcpy(ptr(cpu->gpr[RSP]), &exit_at, 8);
	struct cpu after = *cpu;

	func_run(&after, rig.func.addr);
	cpu->gpr[RSP] += 8; /* of the ret */
	assert_same_cpu(cpu, &after);
	cpu->gpr[RSP] -= 8;
}

static void assert_same_regs(const struct arch_regs *r, const struct cpu *cpu)
{
	struct arch_regs want;
	struct user_regs_struct a, b;

	regs_of_cpu(cpu, rig.func.addr, &want);
	memcpy(&a, r, sizeof(a));
	memcpy(&b, &want, sizeof(b));
	a.eflags = b.eflags = 0;
	a.cs = b.cs = a.ss = b.ss = 0;
	assert_memory_equal(&a, &b, sizeof(a));
}

static uint64_t stack_pointer(const struct cpu *cpu)
{
	return cpu->gpr[RSP];
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

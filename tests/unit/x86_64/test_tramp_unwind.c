/*
 * Looking out of a trampoline from every single instruction of it; leaving it
 * from there; handlers that come in between.
 *
 * The code runs with the trap flag, and the signal handler is the tracer.
 */
#include "tramp_context.h"
#include "tramp_programs.h"

static struct {
	struct arch_regs site; /* as they are at the site */
	unsigned n, seen[5]; /* steps in the trampoline, by phase */
	unsigned leave_at; /* at this step the thread is made to leave */
	unsigned nest_at; /* at this step a handler runs the function, too */
	bool left, nested;
	unsigned n_flags_unknown;
} steps;

static bool same_but_flags(const struct arch_regs *a, const struct arch_regs *b)
{
	struct user_regs_struct x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	x.eflags = y.eflags = 0;
	x.rip = y.rip = 0;
	return memcmp(&x, &y, sizeof(x)) == 0;
}

static void leave(ucontext_t *uc, const struct arch_regs *r, const struct arch_tramp_place *place)
{
	if (place->phase == ARCH_TRAMP_PARTIAL)
		return;
	if (place->phase == ARCH_TRAMP_BEFORE && place->reserve)
		arch_ring_rewind(rig.ring, rig.ring_data, place->reserve);
	regs_to_context(r, uc);
	steps.left = true;
}

static void see_step(ucontext_t *uc)
{
	struct arch_regs r;
	struct arch_tramp_place place;
	struct user_regs_struct u, site;

	regs_of_context(uc, &r);
	if (!arch_tramp_unwind(&rig.tramp, &r, read_word, NULL, &place))
		return;
	steps.n++;
	steps.seen[place.phase]++;
	memcpy(&u, &r, sizeof(u));
	memcpy(&site, &steps.site, sizeof(site));
	if (place.phase <= ARCH_TRAMP_AFTER) {
		uint64_t pc = uc->uc_mcontext.gregs[REG_RIP] - rig.tramp.base;

		if (!same_but_flags(&r, &steps.site))
			fail_msg("registers differ at +%#lx", (unsigned long)pc);
		if (!(rig.plan.flags_dead & 1) && u.eflags != site.eflags)
			fail_msg("flags %#lx instead of %#lx at +%#lx", (unsigned long)u.eflags,
				 (unsigned long)site.eflags, (unsigned long)pc);
		assert_int_equal(place.orig, rig.plan.addr);
		if (place.phase == ARCH_TRAMP_AFTER)
			assert_int_equal(u.rip, rig.tramp.base + rig.tramp.copy[0]);
		else
			assert_int_equal(u.rip, place.orig);
	}
	if (steps.n == steps.nest_at) {
		void (*again)(void) = (void (*)(void))ptr(rig.func.addr);

		steps.nested = true;
		again();
	}
	if (steps.n == steps.leave_at)
		leave(uc, &r, &place);
}

/* nop5 or an instruction that kills the flags, then ret. */
static const uint8_t returning[2][8] = {
	{ 0x0f, 0x1f, 0x44, 0, 0, 0xc3 },
	{ 0x48, 0x81, 0xe7, 0xff, 0xff, 0xff, 0x7f, 0xc3 }, /* and $0x7fffffff,%rdi */
};

/* Runs the function once, seen at each step; returns the records it left. */
static unsigned run_stepped(unsigned which)
{
	uint64_t exit_at;
	struct cpu cpu;
	size_t len = which ? 8 : 6;

	steps.n = 0;
	steps.left = steps.nested = false;
	exit_at = rig.func.addr + len;
	random_cpu(&cpu);
	cpu.gpr[RDI] = 99;
	cpu.flags |= 0x100;
	memcpy(ptr(cpu.gpr[RSP]), &exit_at, 8);
	regs_of_cpu(&cpu, rig.func.addr, &steps.site);
	rig.at_step = see_step;
	func_run(&cpu, rig.func.addr);
	rig.at_step = NULL;
	return count_records();
}

/* n records are due from each run, whatever happens in between. */
static void step_through(const struct arch_tramp_clause *c, uint32_t n_clauses, unsigned due,
			 unsigned due_nested)
{
	for (unsigned which = 0; which < 2; which++) {
		unsigned n, alone, stride;

		func_put(returning[which], which ? 8 : 6);
		assert_null(func_plan(0));
		patch_with(c, n_clauses);
		memset(&steps, 0, sizeof(steps));
		assert_int_equal(run_stepped(which), due);
		n = steps.n;
		assert_true(n > 3);
		/* Every one where they are few: a step is slow on a virtual machine. */
		stride = 1 + n / 40;
		for (steps.leave_at = 1; steps.leave_at <= n; steps.leave_at += stride)
			assert_int_equal(run_stepped(which), due);
		steps.leave_at = 0;
		for (steps.nest_at = 1; steps.nest_at <= n; steps.nest_at += stride) {
			alone = run_stepped(which);
			assert_true(steps.nested);
			assert_int_equal(alone, due + due_nested);
		}
		steps.nest_at = 0;
		func_restore();
	}
}

static void test_unwinding_leaving_and_nesting_at_each_instruction_of_a_record(void **state)
{
	struct arch_tramp_clause c = clause_of(&two_args, 2);

	(void)state;
	ring_reset();
	step_through(&c, 1, 1, 1);
	c = clause_of(&all_registers, ALL_REGISTERS);
	step_through(&c, 1, 1, 1);
}

static void test_unwinding_leaving_and_nesting_at_each_instruction_of_captures(void **state)
{
	struct arch_tramp_clause c[3] = { clause_of(&loads, 3), clause_of(&only_if, 1),
					  clause_of(&loads, 3) };

	(void)state;
	ring_reset();
	strcpy((char *)rig.data, "fourteen bytes");
	consts[0] = u64(rig.data);
	consts[1] = u64(rig.data);
	consts[3] = 99;
	step_through(c, 1, 1, 1);
	/* A handler's argument 0 is the signal. */
	step_through(c, 3, 3, 2);
	/* With faults. */
	consts[0] = consts[1] = 16;
	step_through(c, 1, 1, 1);
	assert_true(rig.n_fixups > 0);
}

/* A handler is on another stack: its hits are stops, which nobody takes here. */
static void test_unwinding_leaving_and_nesting_at_each_instruction_of_a_stack(void **state)
{
	struct arch_tramp_clause c[2] = { clause_of(&two_args, 2), clause_of(&bare, 0) };

	(void)state;
	ring_reset();
	rig.ring->stack_end = u64(rig.stack) + STACK_LEN;
	c[0].stack_max = 0x1000;
	step_through(c, 1, 1, 0);
	step_through(c, 2, 2, 0);
	assert_true(rig.n_stops > 0);
}

static void test_unwinding_and_leaving_at_each_instruction_of_a_cell(void **state)
{
	static const enum arch_agg_kind kinds[] = { ARCH_AGG_COUNT, ARCH_AGG_AVG, ARCH_AGG_MAX,
						    ARCH_AGG_QUANTIZE };
	struct arch_tramp_clause c = clause_of(&bare, 0);
	uint64_t *cell = (uint64_t *)(void *)((uint8_t *)rig.ring + ARCH_RING_CELLS);

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		struct arch_agg a = { .kind = kinds[k],
				      .cell = ARCH_RING_CELLS,
				      .code = &value_arg,
				      .value_reg = 3,
				      .increment = 1 };
		unsigned n, runs = 1;

		ring_reset();
		c.agg = &a;
		func_put(returning[0], 6);
		assert_null(func_plan(0));
		patch_with(&c, 1);
		memset(&steps, 0, sizeof(steps));
		assert_int_equal(run_stepped(0), 0);
		n = steps.n;
		for (steps.leave_at = 1; steps.leave_at <= n; steps.leave_at++, runs++)
			run_stepped(0);
		assert_int_equal(cell[0], runs);
		if (kinds[k] == ARCH_AGG_AVG)
			assert_int_equal(cell[1], 99 * runs);
		func_restore();
	}
}

/* A fault of the program's own in the displaced instruction. */
static void test_places_in_displaced_instructions_are_those_of_the_originals(void **state)
{
	/* mov (%rdi),%eax; nop; nop; nop */
	static const uint8_t load[] = { 0x8b, 0x07, 0x90, 0x90, 0x90, 0x90 };
	struct arch_tramp_clause c = clause_of(&bare, 0);
	struct arch_tramp_place place;
	struct arch_regs r;
	struct cpu cpu;

	(void)state;
	ring_reset();
	func_put(load, sizeof(load));
	assert_null(func_plan(0));
	patch_with(&c, 1);
	random_cpu(&cpu);
	regs_of_cpu(&cpu, rig.tramp.base + rig.tramp.copy[0], &r);
	assert_true(arch_tramp_unwind(&rig.tramp, &r, read_word, NULL, &place));
	assert_int_equal(place.phase, ARCH_TRAMP_COPY);
	assert_int_equal(place.orig, rig.func.addr);
	/* The jump back, which is all that is left of the nops. */
	regs_of_cpu(&cpu, rig.tramp.base + rig.tramp.copy[0] + 2, &r);
	assert_true(arch_tramp_unwind(&rig.tramp, &r, read_word, NULL, &place));
	assert_int_equal(place.phase, ARCH_TRAMP_LEAVING);
	assert_int_equal(place.orig, rig.func.addr + 5);
	regs_of_cpu(&cpu, rig.tramp.base + rig.tramp.len, &r);
	assert_false(arch_tramp_unwind(&rig.tramp, &r, read_word, NULL, &place));
	func_restore();
}

/* A thread waits in a system call while its bytes are patched. */
static void test_a_thread_in_a_displaced_system_call_can_make_it_again(void **state)
{
	static const uint8_t before[] = { 0x90, 0x90, 0x0f, 0x05, 0x31, 0xc9 };
	struct arch_tramp_clause c = clause_of(&bare, 0);
	uint64_t at;

	(void)state;
	ring_reset();
	func_put(before, sizeof(before));
	assert_null(func_plan(0));
	patch_with(&c, 1);
	at = arch_tramp_syscall(&rig.tramp, rig.func.addr + 4);
	assert_true(at > rig.tramp.base && at < rig.tramp.base + rig.tramp.len);
	assert_memory_equal(ptr(at - 2), before + 2, 2);
	assert_int_equal(arch_tramp_syscall(&rig.tramp, rig.func.addr + 2), 0);
	func_restore();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_unwinding_leaving_and_nesting_at_each_instruction_of_a_record),
		cmocka_unit_test(
			test_unwinding_leaving_and_nesting_at_each_instruction_of_captures),
		cmocka_unit_test(test_unwinding_leaving_and_nesting_at_each_instruction_of_a_stack),
		cmocka_unit_test(test_unwinding_and_leaving_at_each_instruction_of_a_cell),
		cmocka_unit_test(test_places_in_displaced_instructions_are_those_of_the_originals),
		cmocka_unit_test(test_a_thread_in_a_displaced_system_call_can_make_it_again),
	};

	return cmocka_run_group_tests(tests, rig_open, rig_close);
}

/*
 * Looking out of a trampoline from every single instruction of it; leaving it
 * from there; handlers that come in between.
 *
 * A child runs the code, and the parent is the tracer.  It steps, to look and to
 * leave; exclusive stores fail in a thread that is stepped, so that takes their
 * other way, too.  For handlers, it stops at a breakpoint and sends a signal.
 */
#include "tramp_context.h"
#include "tramp_programs.h"

#define STEPS_MAX 4000 /* of one run; more is a loop without an end */

FUNC(returning, "nop; ret");

static struct {
	struct arch_regs site; /* as they are at the site */
	unsigned n, seen[5]; /* steps in the trampoline, by phase */
	unsigned leave_at; /* at this step the thread is made to leave */
	uint64_t pcs[1024]; /* what was run, in the order of the first time */
	unsigned n_pcs, n_nested;
} steps;

static void note_pc(uint64_t pc)
{
	for (unsigned i = 0; i < steps.n_pcs; i++)
		if (steps.pcs[i] == pc)
			return;
	assert_true(steps.n_pcs < sizeof(steps.pcs) / sizeof(steps.pcs[0]));
	steps.pcs[steps.n_pcs++] = pc;
}

/* Looks out; may make the thread leave. */
static void see_step(pid_t pid, const struct arch_regs *now)
{
	struct arch_tramp_place place;
	struct arch_regs r = *now;

	if (!arch_tramp_unwind(&rig.tramp, &r, read_word, NULL, &place))
		return;
	note_pc(arch_pc(now));
	steps.n++;
	steps.seen[place.phase]++;
	if (place.phase <= ARCH_TRAMP_AFTER) {
		if (!same_registers(&r, &steps.site))
			fail_msg("registers differ at +%#lx",
				 (unsigned long)(arch_pc(now) - rig.tramp.base));
		assert_int_equal(place.orig, rig.plan.addr);
		assert_int_equal(arch_pc(&r), place.phase == ARCH_TRAMP_AFTER ?
						      rig.tramp.base + rig.tramp.copy[0] :
						      place.orig);
	}
	if (steps.n != steps.leave_at || place.phase == ARCH_TRAMP_PARTIAL)
		return;
	if (place.phase == ARCH_TRAMP_BEFORE && place.reserve)
		arch_ring_rewind(rig.ring, rig.ring_data, place.reserve);
	assert_int_equal(arch_regs_write(pid, &r), 0);
}

static void run_again(int sig)
{
	void (*again)(int) = (void (*)(int))ptr(rig.func.addr);

	again(sig);
}

static void run_child(const struct cpu *cpu)
{
	struct sigaction sa = { .sa_handler = run_again };

	sigaction(SIGUSR1, &sa, NULL);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	memcpy(&run_cpu, cpu, sizeof(run_cpu));
	run_at(rig.func.addr);
	_exit(0);
}

/* Steps until the function has returned; once it was made to leave, there is no need to. */
static void step_child(pid_t pid)
{
	uint64_t out = rig.func.addr + rig.func.len;
	struct arch_regs r;
	bool inside = false;

	for (unsigned n = 0; n < STEPS_MAX; n += inside) {
		bool has_left = steps.leave_at && steps.n >= steps.leave_at;
		int sig = go_on(pid, has_left ? PTRACE_CONT : PTRACE_SINGLESTEP, 0, &r);

		if (!sig)
			return;
		if (arch_pc(&r) == out) {
			assert_int_equal(go_on(pid, PTRACE_CONT, 0, &r), 0);
			return;
		}
		if (serve(pid, sig, &r))
			continue;
		if (sig != SIGTRAP)
			fail_msg("signal %d at %#lx", sig, (unsigned long)arch_pc(&r));
		inside = inside || arch_pc(&r) == rig.func.addr;
		if (inside)
			see_step(pid, &r);
	}
	fail_msg("no end: at %#lx", (unsigned long)arch_pc(&r));
}

/* Runs; when it first comes to pc, a handler runs the function, too.  false: it never came. */
static bool nest_child(pid_t pid, uint64_t pc)
{
	static const uint32_t brk = 0xd4200000;
	struct arch_regs r;
	bool nested = false;
	uint32_t word;
	int sig = 0, next;

	memcpy(&word, ptr(pc), 4);
	code_put(ptr(pc), &brk, 4);
	while ((next = go_on(pid, PTRACE_CONT, sig, &r)) != 0) {
		sig = 0;
		if (next == SIGTRAP && arch_pc(&r) == pc) {
			code_put(ptr(pc), &word, 4);
			sig = SIGUSR1;
			nested = true;
		} else if (!serve(pid, next, &r)) {
			fail_msg("signal %d at %#lx", next, (unsigned long)arch_pc(&r));
		}
	}
	code_put(ptr(pc), &word, 4);
	return nested;
}

/* Runs the function once, seen at each step, or nested at pc; returns the records it left. */
static unsigned run_traced(uint64_t nest_at)
{
	struct cpu cpu;
	int status;
	pid_t pid;

	steps.n = 0;
	random_cpu(&cpu);
	cpu.x[0] = 99;
	cpu.x[LR] = rig.func.addr + rig.func.len;
	regs_of_cpu(&cpu, rig.func.addr, &steps.site);
	pid = fork();
	if (pid == 0)
		run_child(&cpu);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (nest_at)
		steps.n_nested += nest_child(pid, nest_at);
	else
		step_child(pid);
	return count_records();
}

static unsigned run_stepped(void)
{
	return run_traced(0);
}

/* n records are due from each run, whatever happens in between. */
static void step_through(const struct arch_tramp_clause *c, uint32_t n_clauses, unsigned due,
			 unsigned due_nested)
{
	unsigned n, stride;

	put(f_returning, f_returning_end);
	must_plan(0);
	patch_with(c, n_clauses);
	memset(&steps, 0, sizeof(steps));
	assert_int_equal(run_stepped(), due);
	n = steps.n;
	assert_true(n > 3);
	/* Every one where they are few: a step is slow on an emulated machine. */
	stride = 1 + n / 8;
	for (steps.leave_at = 1; steps.leave_at <= n; steps.leave_at += stride)
		assert_int_equal(run_stepped(), due);
	steps.leave_at = 0;
	for (unsigned i = 0; i < steps.n_pcs; i += 1 + steps.n_pcs / 64) {
		unsigned before = steps.n_nested, got = run_traced(steps.pcs[i]);

		assert_int_equal(got, due + (steps.n_nested > before ? due_nested : 0));
	}
	/* All but the plain stores of a thread that is stepped. */
	assert_true(steps.n_nested > (steps.n_pcs < 64 ? steps.n_pcs / 2 : 24));
	func_restore();
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
		put(f_returning, f_returning_end);
		must_plan(0);
		patch_with(&c, 1);
		memset(&steps, 0, sizeof(steps));
		assert_int_equal(run_stepped(), 0);
		n = steps.n;
		for (steps.leave_at = 1; steps.leave_at <= n; steps.leave_at += 1 + n / 8, runs++)
			run_stepped();
		assert_int_equal(cell[0], runs);
		if (kinds[k] == ARCH_AGG_AVG)
			assert_int_equal(cell[1], 99 * runs);
		func_restore();
	}
}

FUNC(load, "ldr w1, [x0]");
FUNC(branch, "tbnz w0, #0, 1f; nop; nop; 1: nop");
FUNC(far, "ldr d1, 1f; b 2f; 1: .word 1, 2; 2: nop");

/* A fault of the program's own in the displaced instruction. */
static void test_places_in_displaced_instructions_are_those_of_the_originals(void **state)
{
	struct arch_tramp_clause c = clause_of(&bare, 0);
	struct arch_tramp_place place;
	struct arch_regs r;
	struct cpu cpu;

	(void)state;
	ring_reset();
	random_cpu(&cpu);
	put(f_load, f_load_end);
	must_plan(0);
	patch_with(&c, 1);
	regs_of_cpu(&cpu, rig.tramp.base + rig.tramp.copy[0], &r);
	assert_true(arch_tramp_unwind(&rig.tramp, &r, read_word, NULL, &place));
	assert_int_equal(place.phase, ARCH_TRAMP_COPY);
	assert_int_equal(place.orig, rig.func.addr);
	regs_of_cpu(&cpu, rig.tramp.base + rig.tramp.copy[0] + 4, &r);
	assert_true(arch_tramp_unwind(&rig.tramp, &r, read_word, NULL, &place));
	assert_int_equal(place.phase, ARCH_TRAMP_LEAVING);
	assert_int_equal(place.orig, rig.func.addr + 4);
	regs_of_cpu(&cpu, rig.tramp.base + rig.tramp.len, &r);
	assert_false(arch_tramp_unwind(&rig.tramp, &r, read_word, NULL, &place));
	assert_int_equal(arch_tramp_arrival(&rig.tramp, rig.func.addr), rig.tramp.base);
	assert_int_equal(arch_tramp_arrival(&rig.tramp, rig.func.addr + 4), 0);
	func_restore();
	put(f_far, f_far_end);
	must_plan(0);
	patch_with(&c, 1);
	/* The literal is near enough: the load, and the way back. */
	regs_of_cpu(&cpu, rig.tramp.base + rig.tramp.copy[0] + 4, &r);
	assert_true(arch_tramp_unwind(&rig.tramp, &r, read_word, NULL, &place));
	assert_int_equal(place.orig, rig.func.addr + 4);
	func_restore();
	put(f_branch, f_branch_end);
	must_plan(0);
	patch_with(&c, 1);
	for (unsigned taken = 0; taken < 2; taken++) {
		uint64_t way_out = rig.tramp.base + rig.tramp.copy[0] + 4 + 4 * taken;

		regs_of_cpu(&cpu, way_out, &r);
		assert_true(arch_tramp_unwind(&rig.tramp, &r, read_word, NULL, &place));
		assert_int_equal(place.phase, ARCH_TRAMP_LEAVING);
		assert_int_equal(place.orig, rig.func.addr + (taken ? 12 : 4));
		assert_int_equal(arch_pc(&r), way_out);
	}
	func_restore();
}

FUNC(system, "nop; svc #0; nop");

/* A thread waits in a system call while it is patched. */
static void test_a_thread_in_a_displaced_system_call_can_make_it_again(void **state)
{
	struct arch_tramp_clause c = clause_of(&bare, 0);
	uint64_t at;

	(void)state;
	ring_reset();
	put(f_system, f_system_end);
	must_plan(4);
	patch_with(&c, 1);
	at = arch_tramp_syscall(&rig.tramp, rig.func.addr + 8);
	assert_true(at > rig.tramp.base && at < rig.tramp.base + rig.tramp.len);
	assert_memory_equal(ptr(at - 4), f_system + 4, 4);
	assert_int_equal(arch_tramp_syscall(&rig.tramp, rig.func.addr + 4), 0);
	func_restore();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_unwinding_leaving_and_nesting_at_each_instruction_of_a_record),
		cmocka_unit_test(
			test_unwinding_leaving_and_nesting_at_each_instruction_of_captures),
		cmocka_unit_test(test_unwinding_and_leaving_at_each_instruction_of_a_cell),
		cmocka_unit_test(test_places_in_displaced_instructions_are_those_of_the_originals),
		cmocka_unit_test(test_a_thread_in_a_displaced_system_call_can_make_it_again),
	};

	return cmocka_run_group_tests(tests, rig_open, rig_close);
}

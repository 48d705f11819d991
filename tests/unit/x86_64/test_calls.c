/*
 * System calls that trampolines make: what they record, what the program sees,
 * looks out of them from every instruction.
 */
#include "tramp_context.h"
#include "tramp_programs.h"

#include <sys/syscall.h>

/* The call is the second instruction, so that there is one before it. */
FUNC(caller, "nop; syscall; mov %rax, %rbx; inc %rbp");
FUNC(flags, "nop; syscall; mov %rax, %rbx; mov %rbx, %rbp");
#define SITE 1

static void call_cpu(struct cpu *cpu, unsigned nr, uint64_t a, uint64_t b)
{
	random_cpu(cpu);
	cpu->gpr[RAX] = nr;
	cpu->gpr[RDI] = a;
	cpu->gpr[RSI] = b;
}

static uint64_t *number_of(struct cpu *cpu)
{
	return &cpu->gpr[RAX];
}

static uint64_t result_of(const struct cpu *cpu)
{
	return cpu->gpr[RBX];
}

static void put_slot(uint64_t at, const uint8_t slot[ARCH_SLOT_CALL])
{
	memcpy(ptr(at), slot, ARCH_SLOT_CALL);
}

/* The call's to overwrite. */
static void forget_overwritten(struct cpu *plain, const struct cpu *patched)
{
	plain->gpr[RCX] = patched->gpr[RCX];
	plain->gpr[R11] = patched->gpr[R11];
}

#define KEEPS_NUMBER false
#define JOB_ANCHOR 0
#include "../call_cases.h"

/* ---------------------------------------------------------------- places -- */

static struct {
	unsigned n, leave_at, seen[ARCH_CALL_OVER + 1];
	enum arch_call_stage stage;
	bool shows_original;
	struct arch_regs site;
} steps;

static void see_step(ucontext_t *uc)
{
	struct arch_tramp_place place;
	struct arch_regs r;

	regs_of_context(uc, &r);
	if (!arch_tramp_unwind(&rig.tramp, &r, read_word, NULL, &place))
		return;
	assert_int_equal(arch_sp(&r), arch_sp(&steps.site));
	if (place.stage) {
		uint64_t site = rig.plan.site;

		assert_true(place.stage >= steps.stage || steps.leave_at);
		steps.stage = place.stage;
		assert_int_equal(place.nr, SYS_getppid);
		assert_int_equal(place.orig, place.stage == ARCH_CALL_AHEAD ? site : site + 2);
	}
	steps.seen[place.stage]++;
	if (++steps.n != steps.leave_at || place.phase == ARCH_TRAMP_PARTIAL)
		return;
	if (place.phase == ARCH_TRAMP_BEFORE && place.reserve)
		arch_ring_rewind(rig.ring, rig.ring_data, place.reserve);
	if (steps.shows_original && place.stage == ARCH_CALL_AHEAD) {
		rig.ring->again = arch_call_again(rig.plan.site, arch_sp(&r));
		arch_set_pc(&r, place.orig);
	}
	regs_to_context(&r, uc);
}

static void run_stepped(void)
{
	struct cpu cpu;

	steps.n = 0;
	steps.stage = ARCH_CALL_NONE;
	call_cpu(&cpu, SYS_getppid, 5, 6);
	cpu.flags |= 0x100;
	regs_of_cpu(&cpu, rig.plan.site, &steps.site);
	rig.at_step = see_step;
	func_run(&cpu, rig.func.addr);
	rig.at_step = NULL;
	assert_int_equal(cpu.gpr[RBX], getppid());
	assert_left(EPID, DL_REC_FIRST, 5, 6);
	assert_left(EPID + 1, DL_REC_FIRST, (uint64_t)getppid(), (uint64_t)getppid());
	assert_ring_empty();
}

static void calls_can_be_left_at_each_instruction(void **state)
{
	const unsigned nrs[] = { SYS_close, SYS_getppid };
	unsigned n;

	(void)state;
	patch_calls(f_caller, f_caller_end, nrs, 2);
	memset(&steps, 0, sizeof(steps));
	run_stepped();
	n = steps.n;
	assert_true(n > 20);
	for (unsigned i = 0; i <= ARCH_CALL_OVER; i++)
		assert_true(steps.seen[i] > 0);
	for (unsigned how = 0; how < 2; how++) {
		steps.shows_original = how;
		for (steps.leave_at = 1; steps.leave_at <= n; steps.leave_at++)
			run_stepped();
	}
	func_restore();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_leaves_its_entry_and_its_return),
		cmocka_unit_test(other_numbers_are_calls_as_ever),
		cmocka_unit_test(registers_and_flags_are_those_of_the_bare_call),
		cmocka_unit_test(a_call_that_comes_again_is_not_recorded_anew),
		cmocka_unit_test(calls_can_be_left_at_each_instruction),
		cmocka_unit_test(what_is_no_such_patch_is_refused),
	};

	return cmocka_run_group_tests(tests, open_all, rig_close);
}

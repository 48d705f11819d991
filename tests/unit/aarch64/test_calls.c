/*
 * System calls that trampolines make: what they record, what the program sees,
 * looks out of them from every instruction.
 */
#include "tramp_context.h"
#include "tramp_programs.h"

#include <sys/syscall.h>

#define STEPS_MAX 4000

/* The call is the second instruction, so that there is one before it. */
FUNC(caller, "nop; svc #0; mov x19, x0; add x20, x20, #1");
FUNC(flags, "nop; svc #0; cset x19, hi; csel x20, x0, x1, vs");
#define SITE 4
#define NR 8

static void call_cpu(struct cpu *cpu, unsigned nr, uint64_t a, uint64_t b)
{
	random_cpu(cpu);
	cpu->x[NR] = nr;
	cpu->x[0] = a;
	cpu->x[1] = b;
}

static uint64_t *number_of(struct cpu *cpu)
{
	return &cpu->x[NR];
}

static uint64_t result_of(const struct cpu *cpu)
{
	return cpu->x[19];
}

static void put_slot(uint64_t at, const uint8_t slot[ARCH_SLOT_CALL])
{
	code_put(ptr(at), slot, ARCH_SLOT_CALL);
}

static void forget_overwritten(struct cpu *plain, const struct cpu *patched)
{
	(void)plain;
	(void)patched;
}

#define KEEPS_NUMBER true
#define JOB_ANCHOR u64(rig.anchors)
#include "../call_cases.h"

/* ---------------------------------------------------------------- places -- */

static struct {
	unsigned n, leave_at, seen[ARCH_CALL_UNDECIDED + 1];
	bool shows_original, is_again, is_made;
	struct arch_regs site, made;
} steps;

static void see_step(pid_t pid, const struct arch_regs *now)
{
	struct arch_tramp_place place;
	struct arch_regs r = *now, *want = &steps.site;

	if (!arch_tramp_unwind(&rig.tramp, &r, read_word, NULL, &place))
		return;
	steps.seen[place.stage]++;
	if (place.stage == ARCH_CALL_MADE || place.stage == ARCH_CALL_OVER) {
		steps.made.w[0] = (uint64_t)getpid();
		steps.is_made = true;
	}
	if (steps.is_made)
		want = &steps.made;
	if (!same_registers(&r, want))
		fail_msg("registers differ at +%#lx",
			 (unsigned long)(arch_pc(now) - rig.tramp.base));
	if (place.stage) {
		assert_int_equal(place.nr, SYS_getppid);
		assert_int_equal(place.orig, rig.plan.site + (steps.is_made ? 4 : 0));
	}
	if (++steps.n != steps.leave_at || place.phase == ARCH_TRAMP_PARTIAL)
		return;
	if (place.phase == ARCH_TRAMP_BEFORE && place.reserve)
		arch_ring_rewind(rig.ring, rig.ring_data, place.reserve);
	if (steps.shows_original && place.stage == ARCH_CALL_AHEAD) {
		rig.ring->again = arch_call_again(rig.plan.site, arch_sp(&r));
		arch_set_pc(&r, place.orig);
	}
	assert_int_equal(arch_regs_write(pid, &r), 0);
}

static void run_child(const struct cpu *cpu)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	memcpy(&run_cpu, cpu, sizeof(run_cpu));
	run_at(rig.func.addr);
	_exit(0);
}

static void step_child(pid_t pid)
{
	uint64_t end = rig.func.addr + rig.func.len;
	struct arch_regs r;
	bool inside = false;

	for (unsigned n = 0; n < STEPS_MAX; n += inside) {
		int sig = go_on(pid, PTRACE_SINGLESTEP, 0, &r);

		assert_int_not_equal(sig, 0);
		if (arch_pc(&r) == end) {
			assert_int_equal(go_on(pid, PTRACE_CONT, 0, &r), 0);
			return;
		}
		if (serve(pid, sig, &r))
			continue;
		if (sig != SIGTRAP)
			fail_msg("signal %d at %#lx", sig, (unsigned long)arch_pc(&r));
		inside = inside || arch_pc(&r) == rig.plan.site;
		if (inside)
			see_step(pid, &r);
	}
	fail_msg("no end: at %#lx", (unsigned long)arch_pc(&r));
}

static void run_stepped(void)
{
	struct cpu cpu;
	int status;
	pid_t pid;

	steps.n = 0;
	steps.is_made = false;
	call_cpu(&cpu, SYS_getppid, 5, 6);
	cpu.x[LR] = rig.func.addr + rig.func.len;
	regs_of_cpu(&cpu, rig.plan.site, &steps.site);
	steps.made = steps.site;
	rig.ring->again = steps.is_again ? arch_call_again(rig.plan.site, cpu.x[SP]) : 0;
	pid = fork();
	if (pid == 0)
		run_child(&cpu);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	step_child(pid);
	if (!steps.is_again)
		assert_left(EPID, DL_REC_FIRST, 5, 6);
	assert_left(EPID + 1, DL_REC_FIRST, (uint64_t)getpid(), (uint64_t)getpid());
	assert_int_equal(rig.ring->again, 0);
	assert_ring_empty();
}

static void calls_can_be_left_at_each_instruction(void **state)
{
	const unsigned nrs[] = { SYS_close, SYS_getppid };
	unsigned n;

	(void)state;
	patch_calls(f_caller, f_caller_end, nrs, 2);
	for (unsigned again = 0; again < 2; again++) {
		memset(&steps, 0, sizeof(steps));
		steps.is_again = again;
		run_stepped();
		n = steps.n;
		assert_true(n > 60);
		/* Plain calls have slots of their own, outside trampolines. */
		for (unsigned i = 0; i <= ARCH_CALL_UNDECIDED; i++)
			assert_int_equal(steps.seen[i] > 0, i != ARCH_CALL_PLAIN);
		for (unsigned how = 0; how < 2; how++) {
			steps.shows_original = how;
			/* A step is slow on an emulated machine. */
			for (steps.leave_at = 1 + how; steps.leave_at <= n;
			     steps.leave_at += 1 + n / 24)
				run_stepped();
		}
	}
	func_restore();
}

static void a_number_too_large_is_refused(void **state)
{
	const unsigned nrs[] = { SYS_getppid };
	struct arch_tramp_call bad;

	(void)state;
	patch_calls(f_caller, f_caller_end, nrs, 1);
	func_restore();
	bad = calls[0];
	bad.nr = 4096;
	assert_string_equal(refusal(&bad, 1), "the system call's number is too large");
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
		cmocka_unit_test(a_number_too_large_is_refused),
	};

	return cmocka_run_group_tests(tests, open_all, rig_close);
}

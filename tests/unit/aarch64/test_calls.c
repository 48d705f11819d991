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

static struct arch_tramp_clause in, out;
static struct arch_tramp_call calls[ARCH_TRAMP_CALLS];

static int open_all(void **state)
{
	if (mmap(ptr(ARCH_CALLS), ARCH_CALLS_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != ptr(ARCH_CALLS))
		return -1;
	return rig_open(state);
}

/* The clauses see the arguments, and the result. */
static void patch_calls(const uint8_t *code, const uint8_t *end, const unsigned *nrs, uint32_t n)
{
	uint8_t slot[ARCH_SLOT_CALL];

	ring_reset();
	put(code, end);
	must_plan(SITE);
	assert_int_equal(rig.plan.addr, rig.func.addr + SITE);
	in = clause_of(&two_args, 2);
	out = clause_of(&two_args, 2);
	out.epid = EPID + 1;
	for (uint32_t i = 0; i < n; i++)
		calls[i] = (struct arch_tramp_call){
			.nr = nrs[i],
			.slot = ARCH_CALLS + ARCH_SLOT_CALL * (i + 7),
			.entry = { .kind = ARCH_PROBE_SYSCALL, .clauses = &in, .n_clauses = 1 },
			.exit = { .kind = ARCH_PROBE_SYSRET, .clauses = &out, .n_clauses = 1 },
		};
	rig.calls = calls;
	rig.n_calls = n;
	assert_null(func_patch(NULL, 0));
	for (uint32_t i = 0; i < n; i++) {
		arch_call_slot(&rig.tramp, i, slot);
		code_put(ptr(calls[i].slot), slot, sizeof(slot));
	}
	rig.calls = NULL;
	rig.n_calls = 0;
}

static void call_cpu(struct cpu *cpu, unsigned nr, uint64_t a, uint64_t b)
{
	random_cpu(cpu);
	cpu->x[NR] = nr;
	cpu->x[0] = a;
	cpu->x[1] = b;
}

/* The next record is this one. */
static void assert_left(uint32_t epid, uint32_t flags, uint64_t s0, uint64_t s1)
{
	struct dl_record *rec = arch_ring_at(rig.ring, rig.ring_data, rig.ring->tail);
	uint32_t len;

	assert_non_null(rec);
	len = rec->len;
	assert_int_equal(rec->epid, epid);
	assert_int_equal(rec->flags, flags);
	assert_int_equal(rec->slots[0], s0);
	assert_int_equal(rec->slots[1], s1);
	memset(rec, 0, len);
	rig.ring->tail += len;
	rig.ring->limit = rig.ring->tail + RING_SIZE;
}

static void a_call_leaves_its_entry_and_its_return(void **state)
{
	const unsigned nrs[] = { SYS_getppid, SYS_close };
	uint64_t ppid = (uint64_t)getppid();
	struct cpu cpu;

	(void)state;
	patch_calls(f_caller, f_caller_end, nrs, 2);
	for (unsigned i = 0; i < 100; i++) {
		call_cpu(&cpu, SYS_getppid, i, 7);
		func_run(&cpu, rig.func.addr);
		assert_int_equal(cpu.x[19], ppid);
		assert_left(EPID, DL_REC_FIRST, i, 7);
		assert_left(EPID + 1, DL_REC_FIRST, ppid, ppid);
		call_cpu(&cpu, SYS_close, (uint64_t)-1, i);
		func_run(&cpu, rig.func.addr);
		assert_int_equal(cpu.x[19], -EBADF);
		assert_left(EPID, DL_REC_FIRST, (uint64_t)-1, i);
		assert_left(EPID + 1, DL_REC_FIRST | EBADF << DL_REC_ERRNO, UINT64_MAX, UINT64_MAX);
	}
	assert_ring_empty();
	func_restore();
}

static void other_numbers_are_calls_as_ever(void **state)
{
	const unsigned nrs[] = { SYS_getppid };
	struct cpu cpu;

	(void)state;
	patch_calls(f_caller, f_caller_end, nrs, 1);
	call_cpu(&cpu, SYS_getpid, 1, 2);
	func_run(&cpu, rig.func.addr);
	assert_int_equal(cpu.x[19], getpid());
	assert_int_equal(cpu.x[NR], SYS_getpid);
	assert_int_equal(count_records(), 0);
	/* Of the register only the low half is the number. */
	call_cpu(&cpu, SYS_getppid, 1, 2);
	cpu.x[NR] |= 0x123400000000;
	func_run(&cpu, rig.func.addr);
	assert_int_equal(cpu.x[19], getppid());
	assert_int_equal(cpu.x[NR], SYS_getppid | 0x123400000000);
	assert_left(EPID, DL_REC_FIRST, 1, 2);
	ring_drain();
	func_restore();
}

static void registers_and_flags_are_those_of_the_bare_call(void **state)
{
	const unsigned nrs[] = { SYS_getppid, SYS_getuid, SYS_close };
	const struct {
		const uint8_t *code, *end;
	} functions[] = { { f_caller, f_caller_end }, { f_flags, f_flags_end } };

	(void)state;
	for (unsigned k = 0; k < 200; k++) {
		unsigned i = k % 2;
		struct cpu start, plain, patched;

		patch_calls(functions[i].code, functions[i].end, nrs, 3);
		call_cpu(&start, nrs[k % 3], (uint64_t)-1, 0);
		patched = plain = start;
		func_run(&patched, rig.func.addr);
		func_restore();
		func_run(&plain, rig.func.addr);
		assert_same_cpu(&plain, &patched);
		ring_drain();
	}
}

static void a_call_that_comes_again_is_not_recorded_anew(void **state)
{
	const unsigned nrs[] = { SYS_getppid };
	uint64_t site, sp = u64(rig.stack) + STACK_TOP, ppid = (uint64_t)getppid();
	struct cpu cpu;

	(void)state;
	patch_calls(f_caller, f_caller_end, nrs, 1);
	site = rig.plan.site;
	call_cpu(&cpu, SYS_getppid, 1, 2);
	rig.ring->again = arch_call_again(site, sp + 16); /* another's */
	func_run(&cpu, rig.func.addr);
	assert_left(EPID, DL_REC_FIRST, 1, 2);
	assert_left(EPID + 1, DL_REC_FIRST, ppid, ppid);
	assert_int_equal(rig.ring->again, arch_call_again(site, sp + 16));
	call_cpu(&cpu, SYS_getppid, 1, 2);
	rig.ring->again = arch_call_again(site, sp);
	func_run(&cpu, rig.func.addr);
	assert_left(EPID + 1, DL_REC_FIRST, ppid, ppid);
	assert_int_equal(rig.ring->again, 0);
	assert_ring_empty();
	func_restore();
}

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

static void what_is_no_such_patch_is_refused(void **state)
{
	const unsigned nrs[] = { SYS_getppid };
	struct arch_tramp_call bad;
	struct arch_tramp_job job = { .plan = &rig.plan, .calls = &bad, .n_calls = 1 };
	struct arch_tramp t;

	(void)state;
	patch_calls(f_caller, f_caller_end, nrs, 1);
	func_restore();
	bad = calls[0];
	bad.slot = ARCH_CALLS + ARCH_CALLS_BYTES;
	job.common = rig.common;
	job.anchor = u64(rig.anchors);
	assert_string_equal(arch_tramp_build(&job, rig.plan.addr, NULL, 0, &t),
			    "the system call has no place");
	bad = calls[0];
	bad.nr = 4096;
	assert_string_equal(arch_tramp_build(&job, rig.plan.addr, NULL, 0, &t),
			    "the system call's number is too large");
	bad = calls[0];
	job.n_calls = ARCH_TRAMP_CALLS + 1;
	assert_string_equal(arch_tramp_build(&job, rig.plan.addr, NULL, 0, &t),
			    "too many system calls at one place");
	job.n_calls = 1;
	rig.plan.site++;
	assert_string_equal(arch_tramp_build(&job, rig.plan.addr, NULL, 0, &t),
			    "the patch does not start with the system call");
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

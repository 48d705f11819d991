/*
 * System calls that trampolines make, as no processor changes them: what they
 * record, what the program sees, which patches are refused.  Included by
 * CPU/test_calls.c behind what only it knows: f_caller and f_flags, functions with
 * the call at SITE and its result in a register of result_of(); call_cpu(), a cpu
 * about to make a call; number_of(), where its number is, and KEEPS_NUMBER, whether
 * it still is afterwards; put_slot(); forget_overwritten(), for registers that the
 * bare call leaves something else in; and JOB_ANCHOR.
 */
#ifndef TESTS_CALL_CASES_H
#define TESTS_CALL_CASES_H

#include <errno.h>
#include <sys/syscall.h>

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
		put_slot(calls[i].slot, slot);
	}
	rig.calls = NULL;
	rig.n_calls = 0;
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
		assert_int_equal(result_of(&cpu), ppid);
		assert_left(EPID, DL_REC_FIRST, i, 7);
		assert_left(EPID + 1, DL_REC_FIRST, ppid, ppid);
		call_cpu(&cpu, SYS_close, (uint64_t)-1, i);
		func_run(&cpu, rig.func.addr);
		assert_int_equal(result_of(&cpu), -EBADF);
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
	assert_int_equal(result_of(&cpu), getpid());
	if (KEEPS_NUMBER)
		assert_int_equal(*number_of(&cpu), SYS_getpid);
	assert_int_equal(count_records(), 0);
	/* Of the register only the low half is the number. */
	call_cpu(&cpu, SYS_getppid, 1, 2);
	*number_of(&cpu) |= 0x123400000000;
	func_run(&cpu, rig.func.addr);
	assert_int_equal(result_of(&cpu), getppid());
	if (KEEPS_NUMBER)
		assert_int_equal(*number_of(&cpu), SYS_getppid | 0x123400000000);
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
		forget_overwritten(&plain, &patched);
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

/* Why the (scanned, planned) function gets no trampoline with n calls like this one; NULL. */
static const char *refusal(const struct arch_tramp_call *call, uint32_t n)
{
	struct arch_tramp_job job = {
		.plan = &rig.plan,
		.calls = call,
		.n_calls = n,
		.common = rig.common,
		.anchor = JOB_ANCHOR,
	};
	struct arch_tramp t;

	return arch_tramp_build(&job, rig.plan.addr, NULL, 0, &t);
}

static void what_is_no_such_patch_is_refused(void **state)
{
	const unsigned nrs[] = { SYS_getppid };
	struct arch_tramp_call bad;

	(void)state;
	patch_calls(f_caller, f_caller_end, nrs, 1);
	func_restore();
	bad = calls[0];
	bad.slot = ARCH_CALLS + ARCH_CALLS_BYTES;
	assert_string_equal(refusal(&bad, 1), "the system call has no place");
	assert_string_equal(refusal(&calls[0], ARCH_TRAMP_CALLS + 1),
			    "too many system calls at one place");
	rig.plan.site++;
	assert_string_equal(refusal(&calls[0], 1), "the patch does not start with the system call");
}

#endif

/*
 * Whole trampolines: functions of all kinds run with and without their patch and
 * must end the same; several clauses and firings; rings that are full.
 */
#include "tramp_programs.h"

/* ------------------------------------------------------------ functions -- */

FUNC(nop5, ".byte 0x0f, 0x1f, 0x44, 0, 0");
FUNC(nop5_cmp, ".byte 0x0f, 0x1f, 0x44, 0, 0; cmp %rax, %rax");
FUNC(frame, "push %rbp; mov %rsp, %rbp; push %rbx; sub $24, %rsp; mov %rdi, %rbx; add $24, %rsp;"
	    "pop %rbx; pop %rbp");
FUNC(pushes, "push %r15; push %r14; push %r13; push %rbx; xor %ebx, %ebx; pop %rbx; pop %r13;"
	     "pop %r14; pop %r15");
FUNC(endbr, "endbr64; push %rbx; mov %rdi, %rbx; lea (%rbx,%rsi), %rax; pop %rbx");
FUNC(carry, "adc %rsi, %rdi; setc %al; cmovo %r8, %r9; rcl $1, %r10; sbb %rdx, %rdx");
FUNC(branch, "test %dil, %dil; je 1f; mov %rsi, %rax; inc %rdx; 1: setz %cl; mov %rsi, %rdi");
FUNC(live_branch, "jc 1f; mov %rsi, %rax; nop; 1: jo 2f; dec %rdx; 2: lahf");
FUNC(skip, "jc 1f; xor %ecx, %ecx; nop; nop; 1: xor %eax, %eax");
FUNC(loops, "mov $3, %ecx; 1: add %rcx, %rax; loop 1b; jrcxz 2f; nop; 2: inc %rax");
FUNC(around, "mov $4, %ecx; 1: add %rcx, %rax; nop; dec %ecx; jnz 1b; mov %rax, %rdx");
FUNC(red_zone, "mov %rdi, -8(%rsp); mov %rsi, -128(%rsp); inc %rax; mov -8(%rsp), %rcx;"
	       "mov -128(%rsp), %rdx; cmp %rcx, %rdx");
FUNC(pc_relative, "lea 16(%rip), %rax; inc %eax; lea -3(%rip), %rdx; stc; nop; adc $0, %ecx");
FUNC(call, "call 1f; 1: pop %rax; xor %edx, %edx");
FUNC(call_late, "inc %rax; call 1f; 1: pop %rcx; xor %edx, %edx");
FUNC(jump, "inc %rax; jmp 1f; ud2; 1: dec %rdx; nop; mov %rax, %rcx");
FUNC(system, "mov $39, %eax; nop; syscall; inc %rax; mov %rax, %rdx");
FUNC(vector, "movdqa %xmm1, %xmm2; paddq %xmm3, %xmm2; comisd %xmm1, %xmm4; seta %al");
FUNC(self_loop, "1: dec %cl; jnz 1b; mov %rax, %rdx");

static const struct function {
	const char *name;
	const uint8_t *code, *end;
	bool counts; /* rcx is how often it goes round */
} functions[] = {
#define F(name)                                        \
	{                                              \
#name, f_##name, f_##name##_end, false \
	}
#define C(name)                                       \
	{                                             \
#name, f_##name, f_##name##_end, true \
	}
	F(nop5),	F(nop5_cmp), F(frame),	F(pushes), F(endbr),	 F(carry),	 F(branch),
	F(live_branch), F(skip),     C(loops),	C(around), F(red_zone),	 F(pc_relative), F(call),
	F(call_late),	F(jump),     F(system), F(vector), C(self_loop),
};

/* ------------------------------------------------------------- the same -- */

/* Runs from pc with and without the patch, which is there afterwards. */
static void assert_patch_unseen(const struct function *fn, const struct arch_tramp_firing *f,
				uint64_t pc)
{
	static uint8_t stack[STACK_LEN], data[DATA_LEN], stack_then[STACK_LEN];
	struct cpu start, plain, patched;
	/* Who comes in behind a push raises rsp, and the red zone with it. */
	size_t above = pc == rig.func.addr ? STACK_TOP - 128 : STACK_TOP;

	random_cpu(&start);
	if (fn->counts)
		start.gpr[RCX] = 1 + start.gpr[RCX] % 100;
	memcpy(stack, rig.stack, STACK_LEN);
	memcpy(data, rig.data, DATA_LEN);
	func_restore();
	plain = patched = start;
	func_run(&plain, pc);
	memcpy(stack_then, rig.stack, STACK_LEN);
	memcpy(rig.stack, stack, STACK_LEN);
	memcpy(rig.data, data, DATA_LEN);
	const char *why = func_patch(f, 1);

	if (why)
		fail_msg("%s: %s", fn->name, why);
	func_run(&patched, pc);
	assert_same_cpu(&plain, &patched);
	assert_memory_equal(stack_then + above, rig.stack + above, STACK_LEN - above);
	if (pc == rig.func.addr && rig.plan.site == pc) {
		struct dl_record *rec = arch_ring_at(rig.ring, rig.ring_data, rig.ring->tail);

		expect_record(&start, f, f->clauses, DL_REC_FIRST);
		assert_non_null(rec);
		rec->time = 0;
		assert_memory_equal(rec, &expected, rec->len);
	}
	ring_drain();
}

/* Every instruction of every function as a site, entered from every instruction
 * that the patch displaces. */
static void test_functions_end_the_same_with_any_instruction_patched(void **state)
{
	/* One that keeps all of the flags, one that keeps what may be looked at. */
	struct arch_tramp_clause c[2] = { clause_of(&all_registers, ALL_REGISTERS),
					  clause_of(&two_args, 2) };
	unsigned planned[5] = { 0 };

	(void)state;
	ring_reset();
	random_memory();
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		put(functions[i].code, functions[i].end);
		for (uint64_t off = 0; off < rig.func.len; off++) {
			struct arch_tramp_firing f;

			if (func_plan(off))
				continue;
			planned[rig.plan.tactic]++;
			for (unsigned round = 0; round < 16; round++) {
				f = firing_of(&c[round % 2], 1);
				assert_patch_unseen(&functions[i], &f, rig.func.addr);
				for (unsigned k = 1; k < rig.plan.n_insns; k++)
					assert_patch_unseen(&functions[i], &f,
							    rig.plan.addr + rig.plan.insn[k]);
			}
			func_restore();
		}
		count_records();
	}
	assert_true(planned[ARCH_TACTIC_ONE] > 3);
	assert_true(planned[ARCH_TACTIC_FORWARD] > 20);
	assert_true(planned[ARCH_TACTIC_BACKWARD] > 5);
	assert_true(rig.n_guards > 100);
}

static void test_who_comes_in_before_the_site_fires_it_who_comes_behind_does_not(void **state)
{
	struct arch_tramp_clause c = clause_of(&bare, 0);
	struct cpu cpu;

	(void)state;
	ring_reset();
	put(f_frame, f_frame_end);
	assert_null(func_plan(0));
	assert_true(rig.plan.n_insns >= 3);
	patch_with(&c, 1);
	for (unsigned k = 0; k < rig.plan.n_insns; k++) {
		random_cpu(&cpu);
		func_run(&cpu, rig.plan.addr + rig.plan.insn[k]);
		assert_int_equal(count_records(), k == 0);
	}
	assert_int_equal(rig.n_guards, rig.plan.n_insns - 1);
	func_restore();
}

/* --------------------------------------------------------- return sites -- */

static const uint64_t return_offset = 0x1234;

static void run_return(const uint8_t *code, size_t len, uint64_t ret_off, size_t after,
		       enum arch_tactic tactic)
{
	struct arch_tramp_clause c = clause_of(&loads, 3);
	struct arch_tramp_firing f;
	uint64_t exit_at = rig.func.addr + rig.func.len;
	struct cpu cpu;
	static const struct dl_insn insns[] = {
		I(NARG, 0, 0, 0, 0),  I(NSLOT, 0, 0, 0, 0), I(NARG, 0, 0, 0, 1),
		I(NSLOT, 0, 0, 0, 1), I(NARG, 0, 0, 0, 2),  I(NSLOT, 0, 0, 0, 2),
		I(END, 0, 0, 0, 0),
	};
	const struct dl_code args = { .insns = insns, .n = 7, .n_regs = 1 };

	func_put(code, len);
	exit_at = rig.func.addr + len;
	rig.func.len = len - after;
	rig.func.after = after;
	arch_func_deinit(&rig.func);
	assert_true(arch_func_scan(&rig.func));
	assert_null(func_plan(ret_off));
	assert_int_equal(rig.plan.tactic, tactic);
	c.code = &args;
	f = firing_of(&c, 1);
	f.kind = ARCH_PROBE_RETURN;
	f.offset = return_offset;
	assert_null(func_patch(&f, 1));
	random_cpu(&cpu);
	memcpy(ptr(cpu.gpr[RSP]), &exit_at, 8);
	func_run(&cpu, rig.func.addr);
	assert_int_equal(cpu.gpr[RSP], u64(rig.stack) + STACK_TOP + 8);
	const struct dl_record *rec = arch_ring_at(rig.ring, rig.ring_data, rig.ring->tail);

	assert_non_null(rec);
	assert_int_equal(rec->slots[0], return_offset);
	assert_int_equal(rec->slots[1], cpu.gpr[RAX]);
	assert_int_equal(rec->slots[2], cpu.gpr[RDX]);
	assert_int_equal(count_records(), 1);
	func_restore();
}

static void test_returns_fire_with_the_result_registers(void **state)
{
	/* mov $7,%eax; ret; 10 bytes of nop */
	static const uint8_t padded[] = { 0xb8, 7,    0,    0, 0, 0xc3, 0x66, 0x2e,
					  0x0f, 0x1f, 0x84, 0, 0, 0,	0,    0 };
	/* lea 1(%rdi),%rax; mov $3,%edx; xor %ecx,%ecx; nop; ret */
	static const uint8_t unpadded[] = { 0x48, 0x8d, 0x47, 1,    0xba, 3,   0,
					    0,	  0,	0x31, 0xc9, 0x90, 0xc3 };

	(void)state;
	ring_reset();
	run_return(padded, sizeof(padded), 5, 10, ARCH_TACTIC_PADDING);
	run_return(unpadded, sizeof(unpadded), 12, 0, ARCH_TACTIC_BACKWARD);
}

static void test_entry_and_return_of_a_tiny_function_share_a_trampoline(void **state)
{
	/* xor %eax,%eax; ret; nops */
	static const uint8_t tiny[] = { 0x31, 0xc0, 0xc3, 0x90, 0x90, 0x90, 0x90, 0x90 };
	struct arch_tramp_clause c = clause_of(&two_args, 2), d = c;
	struct arch_tramp_firing f[2];
	struct cpu cpu;
	uint64_t exit_at;

	(void)state;
	ring_reset();
	func_put(tiny, sizeof(tiny));
	exit_at = rig.func.addr + sizeof(tiny);
	assert_null(func_plan(0));
	assert_int_equal(arch_patch_insn(&rig.plan, rig.func.addr + 2), 1);
	d.epid = EPID + 1;
	f[0] = firing_of(&c, 1);
	f[1] = firing_of(&d, 1);
	f[1].insn = 1;
	f[1].kind = ARCH_PROBE_RETURN;
	assert_null(func_patch(f, 2));
	random_cpu(&cpu);
	memcpy(ptr(cpu.gpr[RSP]), &exit_at, 8);
	uint64_t rdi = cpu.gpr[RDI];

	func_run(&cpu, rig.func.addr);
	const struct dl_record *rec = arch_ring_at(rig.ring, rig.ring_data, 0);

	assert_int_equal(rec->epid, EPID);
	assert_int_equal(rec->slots[0], rdi);
	rec = arch_ring_at(rig.ring, rig.ring_data, rec->len);
	assert_int_equal(rec->epid, EPID + 1);
	assert_int_equal(rec->flags, DL_REC_FIRST);
	assert_int_equal(rec->slots[1], 0);
	assert_int_equal(count_records(), 2);
	func_restore();
}

static void test_a_conditional_tail_call_fires_when_it_is_taken(void **state)
{
	struct arch_tramp_clause c = clause_of(&bare, 0);
	struct arch_tramp_firing f[2];
	struct cpu cpu;

	(void)state;
	ring_reset();
	put(f_live_branch, f_live_branch_end);
	assert_null(func_plan(0));
	f[0] = f[1] = firing_of(&c, 1);
	f[0].taken_only = true;
	for (unsigned n = 1; n <= 2; n++) {
		assert_null(func_patch(f, n));
		for (unsigned carry = 0; carry < 2; carry++) {
			random_cpu(&cpu);
			cpu.flags = 0x202 | carry;
			func_run(&cpu, rig.func.addr);
			assert_int_equal(count_records(), carry + n - 1);
		}
		func_restore();
	}
}

#include "../tramp_cases.h"

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions_end_the_same_with_any_instruction_patched),
		cmocka_unit_test(
			test_who_comes_in_before_the_site_fires_it_who_comes_behind_does_not),
		cmocka_unit_test(test_returns_fire_with_the_result_registers),
		cmocka_unit_test(test_entry_and_return_of_a_tiny_function_share_a_trampoline),
		cmocka_unit_test(test_a_conditional_tail_call_fires_when_it_is_taken),
		cmocka_unit_test(test_the_first_record_of_a_firing_says_so_and_each_has_its_time),
		cmocka_unit_test(test_firings_at_one_site_each_have_a_first_record),
		cmocka_unit_test(test_a_full_ring_waits_for_the_tracer),
		cmocka_unit_test(
			test_a_thread_that_may_outlive_the_tracer_sleeps_until_there_is_room),
		cmocka_unit_test(test_a_full_ring_drops_and_counts_when_nobody_waits),
		cmocka_unit_test(test_a_thread_without_a_ring_gets_one_at_its_first_record),
		cmocka_unit_test(test_jobs_that_make_no_sense_are_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, rig_open, rig_close);
}

/*
 * Whole trampolines: functions of all kinds run with and without their patch and
 * must end the same; several clauses and firings; rings that are full.
 */
#include "tramp_programs.h"

/* ------------------------------------------------------------ functions -- */

FUNC(plain, "nop");
FUNC(frame, "stp x29, x30, [sp, #-32]!; mov x29, sp; str x19, [sp, #16]; mov x19, x0;"
	    "ldr x19, [sp, #16]; ldp x29, x30, [sp], #32");
FUNC(pad, "bti c; mov x9, x0; add x0, x0, x1");
FUNC(signs, "paciasp; mov x9, x0; autiasp; add x0, x0, x1");
FUNC(flags, "adds x0, x0, x1; adcs x2, x2, x3; cset x4, vs; ccmp x5, x6, #3, ne;"
	    "csel x7, x8, x9, lt; sbc x10, x11, x12");
FUNC(branch, "tbz x0, #3, 1f; mov x1, x2; add x2, x2, #1; 1: cbz x3, 2f; mov x4, x5; 2: b.ne 3f;"
	     "sub x6, x6, #1; 3: b.hi 4f; mov x7, x6; 4: nop");
FUNC(loops, "and x9, x9, #15; add x9, x9, #1; 1: add x0, x0, x9; subs x9, x9, #1; b.ne 1b");
FUNC(pc_relative, "adr x0, 1f; 1: adrp x1, 1b; ldr w2, 2f; ldrsw x3, 2f; b 3f; 2: .word 0x86345678;"
		  "3: add x0, x0, #1");
FUNC(call, "mov x20, x30; bl 1f; 1: mov x0, x30; mov x30, x20");
FUNC(call_register, "mov x20, x30; adr x9, 1f; blr x9; 1: mov x1, x30; mov x30, x20");
FUNC(jump, "b 1f; udf #0; 1: add x0, x0, #1");
FUNC(jump_register, "adr x9, 1f; br x9; udf #0; 1: add x0, x0, #1");
FUNC(system, "mov x8, #172; svc #0; add x0, x0, #1");
FUNC(vector, "add v0.2d, v1.2d, v2.2d; fcmp d1, d2; cset x0, gt; ldr d3, 1f; b 2f; 1: .word 1, 2;"
	     "2: nop");
FUNC(stack, "str x0, [sp, #-16]!; sub sp, sp, #0xff0; str x1, [sp]; ldr x2, [sp];"
	    "add sp, sp, #0xff0; ldr x3, [sp], #16");
FUNC(platform, "add x18, x18, x17; eor x16, x17, x18; ror x17, x16, #7");

static const struct function {
	const char *name;
	const uint8_t *code, *end;
} functions[] = {
#define F(name)                                 \
	{                                       \
#name, f_##name, f_##name##_end \
	}
	F(plain),  F(frame),	   F(pad),   F(signs),	       F(flags), F(branch),
	F(loops),  F(pc_relative), F(call),  F(call_register), F(jump),	 F(jump_register),
	F(system), F(vector),	   F(stack), F(platform),
};

/* ------------------------------------------------------------- the same -- */

/* Runs the function with and without the patch, which is there afterwards. */
static void assert_patch_unseen(const struct function *fn, const struct arch_tramp_firing *f)
{
	static uint8_t stack[STACK_LEN], data[DATA_LEN], stack_then[STACK_LEN];
	uint64_t pc = rig.func.addr;
	struct cpu start, plain, patched;
	const char *why;

	random_cpu(&start);
	memcpy(stack, rig.stack, STACK_LEN);
	memcpy(data, rig.data, DATA_LEN);
	func_restore();
	plain = patched = start;
	func_run(&plain, pc);
	memcpy(stack_then, rig.stack, STACK_LEN);
	memcpy(rig.stack, stack, STACK_LEN);
	memcpy(rig.data, data, DATA_LEN);
	why = func_patch(f, 1);
	if (why)
		fail_msg("%s: %s", fn->name, why);
	func_run(&patched, pc);
	assert_same_cpu(&plain, &patched);
	assert_memory_equal(stack_then + STACK_TOP, rig.stack + STACK_TOP, STACK_LEN - STACK_TOP);
	if (rig.plan.addr == pc) {
		struct dl_record *rec = arch_ring_at(rig.ring, rig.ring_data, rig.ring->tail);

		expect_record(&start, f, f->clauses, DL_REC_FIRST);
		assert_non_null(rec);
		rec->time = 0;
		assert_memory_equal(rec, &expected, rec->len);
	}
	ring_drain();
}

static void test_functions_end_the_same_with_any_instruction_patched(void **state)
{
	/* One that saves all there is, and one that saves little. */
	struct arch_tramp_clause c[2] = { clause_of(&all_registers, ALL_REGISTERS),
					  clause_of(&two_args, 2) };
	unsigned n = 0;

	(void)state;
	ring_reset();
	random_memory();
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		put(functions[i].code, functions[i].end);
		for (uint64_t off = 0; off < rig.func.len; off += 4) {
			struct arch_tramp_firing f;

			if (func_plan(off))
				continue;
			n++;
			for (unsigned round = 0; round < 8; round++) {
				f = firing_of(&c[round % 2], 1);
				assert_patch_unseen(&functions[i], &f);
			}
			func_restore();
		}
		count_records();
	}
	assert_true(n > 50);
}

/* ------------------------------------------------------- kinds of sites -- */

FUNC(returning, "mov x0, #7; add x1, x2, #3; ret");

static void test_returns_fire_with_the_result_registers(void **state)
{
	static const struct dl_insn insns[] = {
		I(NARG, 0, 0, 0, 0),  I(NSLOT, 0, 0, 0, 0), I(NARG, 0, 0, 0, 1),
		I(NSLOT, 0, 0, 0, 1), I(NARG, 0, 0, 0, 2),  I(NSLOT, 0, 0, 0, 2),
		I(END, 0, 0, 0, 0),
	};
	const struct dl_code args = { .insns = insns, .n = 7, .n_regs = 1 };
	struct arch_tramp_clause c = clause_of(&args, 3);
	struct arch_tramp_firing f;
	const struct dl_record *rec;
	struct cpu cpu;

	(void)state;
	ring_reset();
	put(f_returning, f_returning_end);
	must_plan(8);
	f = firing_of(&c, 1);
	f.kind = ARCH_PROBE_RETURN;
	f.offset = 0x1234;
	assert_null(func_patch(&f, 1));
	random_cpu(&cpu);
	cpu.x[2] = 39;
	cpu.x[LR] = rig.func.addr + rig.func.len;
	func_run(&cpu, rig.func.addr);
	rec = arch_ring_at(rig.ring, rig.ring_data, rig.ring->tail);
	assert_non_null(rec);
	assert_int_equal(rec->slots[0], 0x1234);
	assert_int_equal(rec->slots[1], 7);
	assert_int_equal(rec->slots[2], 42);
	assert_int_equal(count_records(), 1);
	func_restore();
}

FUNC(if_carry, "b.cs 1f; nop; 1: nop");
FUNC(if_zero, "cbz w1, 1f; nop; 1: nop");
FUNC(if_bit, "tbnz x2, #40, 1f; nop; 1: nop");

static void test_a_conditional_tail_call_fires_when_it_is_taken(void **state)
{
	const struct function *fn, conds[] = { F(if_carry), F(if_zero), F(if_bit) };
	struct arch_tramp_clause c = clause_of(&bare, 0);
	struct arch_tramp_firing f[2];
	struct cpu cpu;

	(void)state;
	ring_reset();
	for (fn = conds; fn < conds + 3; fn++) {
		put(fn->code, fn->end);
		must_plan(0);
		f[0] = f[1] = firing_of(&c, 1);
		f[0].taken_only = true;
		for (unsigned n = 1; n <= 2; n++) {
			assert_null(func_patch(f, n));
			for (unsigned taken = 0; taken < 2; taken++) {
				random_cpu(&cpu);
				cpu.nzcv = (uint64_t)taken << 29;
				cpu.x[1] = (uint64_t)!taken << 31 | UINT64_C(1) << 32;
				cpu.x[2] = (uint64_t)taken << 40 | 1;
				func_run(&cpu, rig.func.addr);
				assert_int_equal(count_records(), taken + n - 1);
			}
			func_restore();
		}
	}
	put(f_plain, f_plain_end);
	must_plan(0);
	assert_non_null(func_patch(f, 1));
}

/* The landing pad signs; the probe's registers are those of before. */
static void test_the_return_address_is_shown_without_its_signature(void **state)
{
	static const struct dl_insn insns[] = { I(NREG, 0, 0, 0, LR), I(NSLOT, 0, 0, 0, 0),
						I(END, 0, 0, 0, 0) };
	const struct dl_code lr = { .insns = insns, .n = 3, .n_regs = 1 };
	struct arch_tramp_clause c = clause_of(&lr, 1);
	const struct dl_record *rec;
	struct cpu cpu;

	(void)state;
	ring_reset();
	put(f_signs, f_signs_end);
	must_plan(0);
	patch_with(&c, 1);
	random_cpu(&cpu);
	cpu.x[LR] = rig.func.addr;
	func_run(&cpu, rig.func.addr);
	assert_int_equal(cpu.x[LR], rig.func.addr);
	rec = arch_ring_at(rig.ring, rig.ring_data, rig.ring->tail);
	assert_non_null(rec);
	assert_int_equal(rec->slots[0], rig.func.addr);
	count_records();
	func_restore();
}

#include "../tramp_cases.h"

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions_end_the_same_with_any_instruction_patched),
		cmocka_unit_test(test_returns_fire_with_the_result_registers),
		cmocka_unit_test(test_a_conditional_tail_call_fires_when_it_is_taken),
		cmocka_unit_test(test_the_return_address_is_shown_without_its_signature),
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

/*
 * The tests of near code (CPU/test_near_code.c), with `plain`, an instruction that
 * does nothing, and RED_ZONE_LEN of the processor; n_places and random_place(), where its
 * trampolines take arguments of static probes.
 */
#ifndef TESTS_NEAR_CODE_H
#define TESTS_NEAR_CODE_H

#include "dlang/codegen.h"
#include "near_random.h"

#define ROUNDS 12000
#define STRSIZE 64

/* Runs the patched function; the program around it must not notice. */
static void run_unnoticed(struct cpu *cpu)
{
	static uint8_t before[STACK_LEN];
	struct cpu after = *cpu;
	size_t live = STACK_TOP - RED_ZONE_LEN; /* from the end of the red zone up */

	memcpy(before, rig.stack, STACK_LEN);
	func_run(&after, rig.plan.site);
	assert_same_cpu(cpu, &after);
	assert_memory_equal(before + live, rig.stack + live, STACK_LEN - live);
}

static void test_random_programs_leave_the_record_of_the_interpreter(void **state)
{
	static const enum arch_probe_kind kinds[] = { ARCH_PROBE_ENTRY, ARCH_PROBE_RETURN,
						      ARCH_PROBE_CALL, ARCH_PROBE_PLACES };
	unsigned n_kinds = n_places ? 4 : 3;
	struct arch_place places[10];
	unsigned n_records = 0, n_faults = 0;
	struct prog p;

	(void)state;
	ring_reset();
	func_put(plain, sizeof(plain));
	must_plan(0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct arch_tramp_clause clause;
		struct arch_tramp_firing f = { .kind = kinds[round % n_kinds],
					       .places = places,
					       .n_places = n_places,
					       .pc = rig.plan.site,
					       .offset = 0x123456789a,
					       .clauses = &clause,
					       .n_clauses = 1 };
		struct dl_code code;
		struct cpu cpu;
		size_t len, bound;

		if (round % 64 == 0)
			random_memory();
		for (unsigned i = 0; i < n_places; i++) {
			places[i] = random_place();
			assert_null(arch_place_refuse(&places[i]));
		}
		make_program(&p);
		code = code_of(&p);
		assert_null(dl_verify(&code, true, p.n_slots, 0, 0, 0, 0));
		bound = dl_near_bound(&code, p.n_slots, STRSIZE);
		clause = (struct arch_tramp_clause){
			.code = &code,
			.epid = 1 + round,
			.n_slots = p.n_slots,
			.strsize = STRSIZE,
			.cap = (uint32_t)(bound > 4096 ? 4096 : bound),
		};
		/* Sometimes too little room. */
		if (round % 16 == 0)
			clause.cap = 32 + 8 * p.n_slots + 8 * below(4);
		assert_null(func_patch(&f, 1));
		random_cpu(&cpu);
		func_ready(&cpu, rig.plan.site);
		len = expect_record(&cpu, &f, &clause, DL_REC_FIRST);
		run_unnoticed(&cpu);
		if (len) {
			n_records++;
			n_faults += expected.rec.faults != 0;
			assert_record(len);
		}
		assert_ring_empty();
		func_restore();
	}
	assert_int_equal(rig.n_traps, 0);
	assert_true(n_records > ROUNDS / 2);
	assert_true(n_faults > ROUNDS / 8);
}

static void run_clause(const struct dl_insn *insns, uint32_t n, uint32_t n_slots,
		       const uint64_t *consts, struct cpu *cpu)
{
	struct dl_code code = {
		.insns = insns, .n = n, .consts = consts, .n_consts = 4, .n_regs = NEAR_REGS
	};
	struct arch_tramp_clause c = { .code = &code,
				       .epid = 9,
				       .n_slots = n_slots,
				       .strsize = STRSIZE,
				       .cap = (uint32_t)dl_near_bound(&code, n_slots, STRSIZE) };
	struct arch_tramp_firing f = { .clauses = &c, .n_clauses = 1, .pc = rig.plan.site };
	size_t len;

	assert_null(func_patch(&f, 1));
	len = expect_record(cpu, &f, &c, DL_REC_FIRST);
	run_unnoticed(cpu);
	assert_record(len);
	assert_ring_empty();
	func_restore();
}

/* All lengths and places of a string around the end of its page. */
static void test_strings_of_all_lengths_before_all_page_ends(void **state)
{
	static const struct dl_insn insns[] = {
		{ DL_OP_LDK, 0, 0, 0, 0 }, { DL_OP_NCAPS, 0, 0, 0, 0 },
		{ DL_OP_LDK, 1, 0, 0, 1 }, { DL_OP_NCAPSN, 0, 1, 0, 1 },
		{ DL_OP_END, 0, 0, 0, 0 },
	};
	struct cpu cpu;

	(void)state;
	ring_reset();
	func_put(plain, sizeof(plain));
	must_plan(0);
	random_cpu(&cpu);
	for (unsigned end = 0; end < 2; end++) {
		for (unsigned back = 0; back < 20; back++) {
			for (unsigned len = 0; len < 20; len++) {
				uint8_t *s = rig.data + 0x1000 * (end + 1) - back;
				uint64_t consts[4] = { u64(s), len % 12 };

				memset(rig.data, 'x', DATA_LEN);
				if (s + len < rig.data + DATA_LEN)
					s[len] = 0;
				run_clause(insns, 5, 2, consts, &cpu);
			}
		}
	}
	assert_true(rig.n_fixups > 0);
}

static void test_memory_up_to_an_unreadable_page_names_the_first_bad_byte(void **state)
{
	static const struct dl_insn insns[] = {
		{ DL_OP_LDK, 0, 0, 0, 0 }, { DL_OP_LDK, 1, 0, 0, 1 },	{ DL_OP_NCAPM, 0, 1, 0, 0 },
		{ DL_OP_LDK, 0, 0, 0, 2 }, { DL_OP_NCAPS, 0, 0, 0, 1 }, { DL_OP_END, 0, 0, 0, 0 },
	};
	struct cpu cpu;

	(void)state;
	ring_reset();
	func_put(plain, sizeof(plain));
	must_plan(0);
	random_memory();
	random_cpu(&cpu);
	strcpy((char *)rig.data, "after a failed capture");
	for (unsigned back = 0; back < 40; back++) {
		for (unsigned len = 0; len < 48; len += 1 + len / 16) {
			uint64_t consts[4] = { u64(rig.data) + DATA_LEN - back, len,
					       u64(rig.data) };

			run_clause(insns, 6, 2, consts, &cpu);
		}
	}
	assert_true(rig.n_fixups > 0);
}

static int near_code_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_programs_leave_the_record_of_the_interpreter),
		cmocka_unit_test(test_strings_of_all_lengths_before_all_page_ends),
		cmocka_unit_test(test_memory_up_to_an_unreadable_page_names_the_first_bad_byte),
	};

	return cmocka_run_group_tests(tests, rig_open, rig_close);
}

#endif

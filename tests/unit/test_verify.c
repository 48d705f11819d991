/*
 * The verifier: what it must refuse, and that random bytes neither crash it
 * nor, once let through, the near interpreter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../dlang/ctx.h"
#include "../../dlang/near.h"

#define I(name, ra, rb, rc, k)              \
	{                                   \
		DL_OP_##name, ra, rb, rc, k \
	}
#define FAR(...)                                              \
	check(false, (const struct dl_insn[]){ __VA_ARGS__ }, \
	      sizeof((struct dl_insn[]){ __VA_ARGS__ }) / sizeof(struct dl_insn))
#define NEAR(...)                                            \
	check(true, (const struct dl_insn[]){ __VA_ARGS__ }, \
	      sizeof((struct dl_insn[]){ __VA_ARGS__ }) / sizeof(struct dl_insn))
#define END I(END, 0, 0, 0, 0)

static const uint64_t pool[3] = { 1, 2, 3 };

/* One slot, two actions, variables, aggregations, strings; three constants; four registers. */
static const char *check(bool is_near, const struct dl_insn *insns, size_t n)
{
	struct dl_code code = {
		.insns = insns, .n = (uint32_t)n, .consts = pool, .n_consts = 3, .n_regs = 4
	};

	return dl_verify(&code, is_near, 1, 2, 2, 2, 2);
}

static void test_the_shortest_far_program_is_sound(void **state)
{
	(void)state;
	assert_null(FAR(END));
}

static void test_no_program_is_not_a_program(void **state)
{
	struct dl_code empty = { 0 };

	(void)state;
	assert_string_equal(dl_verify(&empty, false, 0, 0, 0, 0, 0), "empty program");
	assert_string_equal(dl_verify(NULL, false, 0, 0, 0, 0, 0), "empty program");
}

static void test_end_is_last_and_only_last(void **state)
{
	(void)state;
	assert_non_null(FAR(I(NOP, 0, 0, 0, 0)));
	assert_non_null(FAR(END, END));
}

static void test_opcodes_keep_to_their_tier(void **state)
{
	(void)state;
	assert_non_null(FAR(I(NARG, 0, 0, 0, 0), END));
	assert_non_null(NEAR(I(IN, 0, 0, 0, 0), I(NSLOT, 0, 0, 0, 0), END));
	assert_non_null(FAR({ 255, 0, 0, 0, 0 }, END));
	assert_null(NEAR(I(NARG, 0, 0, 0, 0), I(NSLOT, 0, 0, 0, 0), END));
}

static void test_registers_are_below_the_number_declared(void **state)
{
	(void)state;
	assert_null(FAR(I(ADD, 3, 3, 3, 0), END));
	assert_non_null(FAR(I(ADD, 4, 3, 3, 0), END));
	assert_non_null(FAR(I(ADD, 3, 4, 3, 0), END));
	assert_non_null(FAR(I(ADD, 3, 3, 4, 0), END));
	assert_null(FAR(I(LD, 3, 3, 8, 0), END)); /* c is a size there */
}

static void test_jumps_stay_inside(void **state)
{
	(void)state;
	assert_null(FAR(I(JMP, 0, 0, 0, 0), END));
	assert_null(FAR(I(JZ, 0, 0, 0, 1), I(NOP, 0, 0, 0, 0), END));
	assert_non_null(FAR(I(JZ, 0, 0, 0, 2), I(NOP, 0, 0, 0, 0), END));
	assert_non_null(FAR(I(JMP, 0, 0, 0, -1), END));
	assert_non_null(FAR(I(JMP, 0, 0, 0, INT32_MAX), END));
}

static void test_tables_are_not_overrun(void **state)
{
	(void)state;
	assert_null(FAR(I(LDK, 0, 0, 0, 2), I(LDV, 0, 0, 0, 1), I(STR, 0, 0, 0, 1), END));
	assert_non_null(FAR(I(LDK, 0, 0, 0, 3), END));
	assert_non_null(FAR(I(LDK, 0, 0, 0, -1), END));
	assert_non_null(FAR(I(IN, 0, 0, 0, 1), END));
	assert_non_null(FAR(I(LDV, 0, 0, 0, 2), END));
	assert_non_null(FAR(I(STVK, 0, 0, 0, -1), END));
	assert_non_null(FAR(I(AGG, 0, 0, 0, 2), END));
	assert_non_null(FAR(I(STR, 0, 0, 0, 2), END));
	assert_non_null(FAR(I(BVAR, 0, 0, 0, DL_BV_COUNT), END));
	assert_non_null(FAR(I(ACT, 0, 0, 0, DL_EF_COUNT), END));
	assert_non_null(FAR(I(TRB, 0, 0, 0, 2), I(TRE, 0, 0, 0, 0), END));
}

static void test_sizes_are_those_the_machine_has(void **state)
{
	(void)state;
	assert_non_null(FAR(I(LD, 0, 0, 3, 0), END));
	assert_null(FAR(I(LD, 0, 0, 4 | NLD_SIGNED, 0), END));
	assert_non_null(FAR(I(ST, 0, 0, 4 | NLD_SIGNED, 0), END));
	assert_non_null(FAR(I(SX, 0, 0, 0, 0), END));
	assert_non_null(FAR(I(ZX, 0, 0, 0, 65), END));
	assert_non_null(FAR(I(LDF, 0, 0, 0, 2), END));
	assert_non_null(FAR(I(TUPI, 0, 0, 0, 5), END));
	assert_non_null(FAR(I(COPY, 0, 0, 0, -1), END));
}

static void test_calls_have_the_arguments_their_subroutine_takes(void **state)
{
	(void)state;
	assert_null(FAR(I(CALL, 0, 0, 0, DL_SUBR_RAND), END));
	assert_null(FAR(I(CALL, 0, 1, 3, DL_SUBR_BCOPY), END));
	assert_non_null(FAR(I(CALL, 0, 2, 3, DL_SUBR_BCOPY), END));
	assert_non_null(FAR(I(CALL, 0, 0, 2, DL_SUBR_BCOPY), END));
	assert_non_null(FAR(I(CALL, 0, 0, 0, DL_SUBR_COUNT), END));
}

static void test_trace_data_is_balanced_on_every_path(void **state)
{
	(void)state;
	assert_null(FAR(I(TRB, 0, 0, 0, 0), I(TRI, 0, 0, 0, 8), I(TRE, 0, 0, 0, 0), END));
	assert_non_null(FAR(I(TRB, 0, 0, 0, 0), END));
	assert_non_null(FAR(I(TRE, 0, 0, 0, 0), END));
	assert_non_null(FAR(I(TRI, 0, 0, 0, 8), END));
	assert_non_null(FAR(I(TRB, 0, 0, 0, 0), I(TRB, 0, 0, 0, 0), I(TRE, 0, 0, 0, 0), END));
	/* Jumping over TRE only */
	assert_non_null(FAR(I(TRB, 0, 0, 0, 0), I(JZ, 0, 0, 0, 1), I(TRE, 0, 0, 0, 0), END));
	/* over the whole of it, and inside it */
	assert_null(FAR(I(JZ, 0, 0, 0, 4), I(TRB, 0, 0, 0, 0), I(JZ, 0, 0, 0, 0),
			I(TRI, 0, 0, 0, 8), I(TRE, 0, 0, 0, 0), END));
}

static void test_near_sets_each_slot_once_on_every_path(void **state)
{
	(void)state;
	assert_non_null(NEAR(END));
	assert_non_null(NEAR(I(NSLOT, 0, 0, 0, 0), I(NCAPS, 0, 0, 0, 0), END));
	assert_non_null(NEAR(I(JZ, 0, 0, 0, 1), I(NSLOT, 0, 0, 0, 0), END));
	assert_null(NEAR(I(JZ, 0, 0, 0, 0), I(NSLOT, 0, 0, 0, 0), END));
	assert_non_null(NEAR(I(NSLOT, 0, 0, 0, 0), I(NREC, 0, 0, 0, 0), END));
	assert_null(NEAR(I(JNZ, 0, 0, 0, 1), I(NREC, 0, 0, 0, 0), I(NSLOT, 0, 0, 0, 0), END));
}

static void test_near_has_few_registers_and_slots(void **state)
{
	static const struct dl_insn end[] = { END };
	struct dl_code code = { .insns = end, .n = 1, .n_regs = NEAR_REGS };

	(void)state;
	assert_null(dl_verify(&code, true, 0, 0, 0, 0, 0));
	code.n_regs = NEAR_REGS + 1;
	assert_non_null(dl_verify(&code, true, 0, 0, 0, 0, 0));
	code.n_regs = 0;
	assert_non_null(dl_verify(&code, true, NEAR_SLOTS_MAX + 1, 0, 0, 0, 0));
}

/* --- random programs --- */

static uint64_t seed;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static bool any_arg(void *ctx, unsigned n, uint64_t *value, uint64_t *fault_addr)
{
	(void)ctx;
	*value = n * 0x1111111111111111ull;
	*fault_addr = n;
	return n % 3 != 0;
}

static uint64_t any_reg(void *ctx, unsigned n)
{
	(void)ctx;
	return n;
}

static size_t any_load(void *ctx, uint64_t addr, void *buf, size_t len)
{
	(void)ctx;
	len = addr % 5 == 0 ? len / 2 : len;
	memset(buf, addr % 7 == 0 ? 0 : 'x', len);
	return len;
}

static void test_random_bytes_are_refused_or_harmless(void **state)
{
	static const struct dl_near_ops ops = { .arg = any_arg, .reg = any_reg, .load = any_load };
	static uint64_t record[64];
	struct dl_insn insns[24];
	unsigned sound = 0;

	(void)state;
	seed = 88172645463325252ull;
	for (unsigned round = 0; round < 60000; round++) {
		bool is_near = round & 1, tame = round & 2;
		uint32_t n = 1 + (uint32_t)(next_random() % 24);
		struct dl_code code = { .insns = insns,
					.n = n,
					.consts = pool,
					.n_consts = 3,
					.n_regs = (uint32_t)(next_random() % 8) };

		for (uint32_t i = 0; i < n; i++) {
			uint64_t word = next_random();

			memcpy(&insns[i], &word, sizeof(word));
			if (!tame)
				continue;
			/* Near the edge of what is sound. */
			insns[i].op = (uint8_t)(word % (is_near ? DL_OP_NREC + 1 : DL_OP_COUNT));
			insns[i].a &= 3;
			insns[i].b &= 3;
			insns[i].c &= 3;
			insns[i].imm = (int32_t)(word >> 32) % 5;
		}
		insns[n - 1] = (struct dl_insn)END;
		if (dl_verify(&code, is_near, 1, 2, 2, 2, 2))
			continue;
		sound++;
		if (is_near)
			dl_near_run(&code, 1, 100, &ops, NULL, (struct dl_record *)record,
				    sizeof(record));
	}
	assert_true(sound > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_shortest_far_program_is_sound),
		cmocka_unit_test(test_no_program_is_not_a_program),
		cmocka_unit_test(test_end_is_last_and_only_last),
		cmocka_unit_test(test_opcodes_keep_to_their_tier),
		cmocka_unit_test(test_registers_are_below_the_number_declared),
		cmocka_unit_test(test_jumps_stay_inside),
		cmocka_unit_test(test_tables_are_not_overrun),
		cmocka_unit_test(test_sizes_are_those_the_machine_has),
		cmocka_unit_test(test_calls_have_the_arguments_their_subroutine_takes),
		cmocka_unit_test(test_trace_data_is_balanced_on_every_path),
		cmocka_unit_test(test_near_sets_each_slot_once_on_every_path),
		cmocka_unit_test(test_near_has_few_registers_and_slots),
		cmocka_unit_test(test_random_bytes_are_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

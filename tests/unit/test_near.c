/*
 * The near interpreter over a fake thread: two pages of memory at 0x10000,
 * registers that hold 100 + their number, arguments from an array of which
 * those from 8 on lie in unreadable memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../dlang/near.h"

#define BASE 0x10000u
#define SIZE 8192u
#define STRSIZE 64

struct fake {
	uint8_t mem[SIZE];
	uint64_t args[8];
	unsigned n_loads;
};

static bool fake_arg(void *ctx, unsigned n, uint64_t *value, uint64_t *fault_addr)
{
	struct fake *f = ctx;

	if (n >= 8) {
		*fault_addr = 0xdead0000 + n;
		return false;
	}
	*value = f->args[n];
	return true;
}

static uint64_t fake_reg(void *ctx, unsigned n)
{
	(void)ctx;
	return 100 + n;
}

static size_t fake_load(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct fake *f = ctx;

	f->n_loads++;
	if (addr < BASE || addr >= BASE + SIZE)
		return 0;
	if (len > BASE + SIZE - addr)
		len = BASE + SIZE - addr;
	memcpy(buf, f->mem + (addr - BASE), len);
	return len;
}

static const struct dl_near_ops fake_ops = { .arg = fake_arg, .reg = fake_reg, .load = fake_load };

#define I(name, ra, rb, rc, k)              \
	{                                   \
		DL_OP_##name, ra, rb, rc, k \
	}
#define RUN(f, slots, ...)                                                     \
	run(f, slots, sizeof(record), (const struct dl_insn[]){ __VA_ARGS__ }, \
	    sizeof((struct dl_insn[]){ __VA_ARGS__ }) / sizeof(struct dl_insn))

static union {
	struct dl_record rec;
	uint64_t words[256];
} record;

static const uint64_t pool[] = { 0x123456789abcdef0ull, BASE };

static size_t run(struct fake *f, unsigned n_slots, size_t cap, const struct dl_insn *insns,
		  size_t n)
{
	struct dl_code code = {
		.insns = insns, .n = (uint32_t)n, .consts = pool, .n_consts = 2, .n_regs = NEAR_REGS
	};

	memset(&record, 0xa5, sizeof(record));
	return dl_near_run(&code, n_slots, STRSIZE, &fake_ops, f, &record.rec, cap);
}

static uint64_t slot(unsigned i)
{
	return record.rec.slots[i];
}

static const char *tail(unsigned i)
{
	return (const char *)&record + (uint32_t)slot(i);
}

static uint32_t tail_len(unsigned i)
{
	return (uint32_t)(slot(i) >> 32);
}

static void test_an_empty_program_leaves_a_bare_record(void **state)
{
	struct fake f = { 0 };

	(void)state;
	assert_int_equal(RUN(&f, 0, I(END, 0, 0, 0, 0)), sizeof(struct dl_record));
	assert_int_equal(record.rec.len, sizeof(struct dl_record));
	assert_int_equal(record.rec.n_slots, 0);
	assert_int_equal(record.rec.faults, 0);
}

static void test_arguments_and_registers_reach_their_slots(void **state)
{
	struct fake f = { .args = { 7, 8 } };

	(void)state;
	RUN(&f, 3, I(NARG, 0, 0, 0, 1), I(NSLOT, 0, 0, 0, 0), I(NREG, 1, 0, 0, 5),
	    I(NSLOT, 1, 0, 0, 2), I(LDK, 2, 0, 0, 0), I(NSLOT, 2, 0, 0, 1), I(END, 0, 0, 0, 0));
	assert_int_equal(slot(0), 8);
	assert_int_equal(slot(2), 105);
	assert_true(slot(1) == pool[0]);
	assert_int_equal(record.rec.len, sizeof(struct dl_record) + 24);
}

static void test_loads_extend_by_size_and_sign(void **state)
{
	struct fake f = { .args = { BASE + 8 } };

	(void)state;
	memset(f.mem + 8, 0x80, 8);
	RUN(&f, 4, I(NARG, 0, 0, 0, 0), I(NLD, 1, 0, 1 | NLD_SIGNED, 0), I(NSLOT, 1, 0, 0, 0),
	    I(NLD, 1, 0, 2, 0), I(NSLOT, 1, 0, 0, 1), I(NLD, 1, 0, 4 | NLD_SIGNED, 0),
	    I(NSLOT, 1, 0, 0, 2), I(NLD, 1, 0, 8, 0), I(NSLOT, 1, 0, 0, 3), I(END, 0, 0, 0, 0));
	assert_true(slot(0) == 0xffffffffffffff80ull);
	assert_true(slot(1) == 0x8080);
	assert_true(slot(2) == 0xffffffff80808080ull);
	assert_true(slot(3) == 0x8080808080808080ull);
}

static void test_a_failed_load_marks_its_slot_and_only_it(void **state)
{
	struct fake f = { .args = { 16 } };

	(void)state;
	RUN(&f, 2, I(NARG, 0, 0, 0, 0), I(NLD, 0, 0, 4, -8), I(LDI, 0, 0, 0, 1),
	    I(NSLOT, 0, 0, 0, 0), I(LDI, 0, 0, 0, 9), I(NSLOT, 0, 0, 0, 1), I(END, 0, 0, 0, 0));
	assert_int_equal(record.rec.faults, 1);
	assert_int_equal(slot(0), 8);
	assert_int_equal(slot(1), 9);
}

static void test_a_word_across_the_end_of_memory_faults_at_its_start(void **state)
{
	struct fake f = { .args = { BASE + SIZE - 2 } };

	(void)state;
	RUN(&f, 1, I(NARG, 0, 0, 0, 0), I(NLD, 0, 0, 4, 0), I(NSLOT, 0, 0, 0, 0),
	    I(END, 0, 0, 0, 0));
	assert_int_equal(record.rec.faults, 1);
	assert_int_equal(slot(0), BASE + SIZE - 2);
}

static void test_an_unreadable_argument_faults_inside_a_slot(void **state)
{
	struct fake f = { 0 };

	(void)state;
	RUN(&f, 1, I(NARG, 0, 0, 0, 9), I(NSLOT, 0, 0, 0, 0), I(END, 0, 0, 0, 0));
	assert_int_equal(record.rec.faults, 1);
	assert_int_equal(slot(0), 0xdead0009);
}

static void test_an_unreadable_argument_is_zero_in_the_predicate(void **state)
{
	struct fake f = { 0 };

	(void)state;
	assert_int_equal(RUN(&f, 1, I(NARG, 0, 0, 0, 9), I(JNZ, 0, 0, 0, 1), I(NREC, 0, 0, 0, 0),
			     I(LDI, 0, 0, 0, 1), I(NSLOT, 0, 0, 0, 0), I(END, 0, 0, 0, 0)),
			 0);
	assert_int_equal(record.rec.faults, 0);
}

static void test_nrec_leaves_no_record(void **state)
{
	struct fake f = { .args = { 1 } };

	(void)state;
	assert_int_equal(RUN(&f, 0, I(NARG, 0, 0, 0, 0), I(JZ, 0, 0, 0, 1), I(NREC, 0, 0, 0, 0),
			     I(END, 0, 0, 0, 0)),
			 0);
	f.args[0] = 0;
	assert_int_equal(RUN(&f, 0, I(NARG, 0, 0, 0, 0), I(JZ, 0, 0, 0, 1), I(NREC, 0, 0, 0, 0),
			     I(END, 0, 0, 0, 0)),
			 sizeof(struct dl_record));
}

static void test_strings_are_captured_with_their_nul(void **state)
{
	struct fake f = { .args = { BASE + 5 } };

	(void)state;
	strcpy((char *)f.mem + 5, "hello");
	assert_int_equal(RUN(&f, 1, I(NARG, 0, 0, 0, 0), I(NCAPS, 0, 0, 0, 0), I(END, 0, 0, 0, 0)),
			 sizeof(struct dl_record) + 8 + 8);
	assert_string_equal(tail(0), "hello");
	assert_int_equal(tail_len(0), 5);
	assert_int_equal(tail(0)[7], 0);
}

static void test_a_long_string_is_cut_at_strsize(void **state)
{
	struct fake f = { .args = { BASE } };

	(void)state;
	memset(f.mem, 'x', SIZE);
	RUN(&f, 1, I(NARG, 0, 0, 0, 0), I(NCAPS, 0, 0, 0, 0), I(END, 0, 0, 0, 0));
	assert_int_equal(tail_len(0), STRSIZE - 1);
	assert_int_equal(strlen(tail(0)), STRSIZE - 1);
	assert_int_equal(record.rec.faults, 0);
}

static void test_a_string_limit_counts_the_nul(void **state)
{
	struct fake f = { .args = { BASE, 4, 0, 1 } };

	(void)state;
	strcpy((char *)f.mem, "abcdef");
	RUN(&f, 3, I(NARG, 0, 0, 0, 0), I(NARG, 1, 0, 0, 1), I(NCAPSN, 0, 1, 0, 0),
	    I(NARG, 1, 0, 0, 2), I(NCAPSN, 0, 1, 0, 1), I(NARG, 1, 0, 0, 3), I(NCAPSN, 0, 1, 0, 2),
	    I(END, 0, 0, 0, 0));
	assert_string_equal(tail(0), "abc");
	assert_string_equal(tail(1), "");
	assert_string_equal(tail(2), "");
	assert_int_equal(tail_len(1), 0);
}

static void test_a_string_that_runs_into_unreadable_memory_faults_there(void **state)
{
	struct fake f = { .args = { BASE + SIZE - 3 } };

	(void)state;
	memset(f.mem + SIZE - 3, 'x', 3);
	RUN(&f, 2, I(NARG, 0, 0, 0, 0), I(NCAPS, 0, 0, 0, 0), I(LDI, 0, 0, 0, 3),
	    I(NSLOT, 0, 0, 0, 1), I(END, 0, 0, 0, 0));
	assert_int_equal(record.rec.faults, 1);
	assert_int_equal(slot(0), BASE + SIZE);
	assert_int_equal(slot(1), 3);
	assert_int_equal(record.rec.len, sizeof(struct dl_record) + 16);
}

static void test_a_string_that_ends_at_the_last_byte_is_whole(void **state)
{
	struct fake f = { .args = { BASE + SIZE - 3 } };

	(void)state;
	memcpy(f.mem + SIZE - 3, "ab", 3);
	RUN(&f, 1, I(NARG, 0, 0, 0, 0), I(NCAPS, 0, 0, 0, 0), I(END, 0, 0, 0, 0));
	assert_int_equal(record.rec.faults, 0);
	assert_string_equal(tail(0), "ab");
}

static void test_memory_is_captured_whole_or_not_at_all(void **state)
{
	struct fake f = { .args = { BASE, 5, BASE + SIZE - 4 } };

	(void)state;
	memcpy(f.mem, "12345678", 8);
	RUN(&f, 3, I(NARG, 0, 0, 0, 0), I(NARG, 1, 0, 0, 1), I(NCAPM, 0, 1, 0, 0),
	    I(NARG, 0, 0, 0, 2), I(NCAPM, 0, 1, 0, 1), I(LDI, 1, 0, 0, 0), I(NCAPM, 0, 1, 0, 2),
	    I(END, 0, 0, 0, 0));
	assert_int_equal(tail_len(0), 5);
	assert_memory_equal(tail(0), "12345\0\0\0", 8);
	assert_int_equal(record.rec.faults, 2);
	assert_int_equal(slot(1), BASE + SIZE);
	assert_int_equal(tail_len(2), 0);
	assert_int_equal(record.rec.len, sizeof(struct dl_record) + 24 + 8);
}

static void test_captures_are_cut_to_the_room_there_is(void **state)
{
	static const struct dl_insn insns[] = { I(NARG, 0, 0, 0, 0), I(LDI, 1, 0, 0, 100),
						I(NCAPM, 0, 1, 0, 0), I(NCAPS, 0, 0, 0, 1),
						I(END, 0, 0, 0, 0) };
	struct fake f = { .args = { BASE } };
	size_t cap = sizeof(struct dl_record) + 16 + 24;

	(void)state;
	memset(f.mem, 'x', SIZE);
	assert_int_equal(run(&f, 2, cap, insns, 5), cap);
	assert_int_equal(tail_len(0), 24);
	assert_string_equal(tail(1), "");
	assert_int_equal(record.rec.faults, 0);
	assert_int_equal(((uint8_t *)&record)[cap], 0xa5);
	assert_int_equal(run(&f, 2, cap - 25, insns, 5), 0);
}

static uint64_t compute(struct fake *f, enum dl_op op, uint64_t b, uint64_t c, int32_t imm)
{
	struct dl_insn insns[] = { I(NARG, 1, 0, 0, 0),
				   I(NARG, 2, 0, 0, 1),
				   { (uint8_t)op, 0, 1, 2, imm },
				   I(NSLOT, 0, 0, 0, 0),
				   I(END, 0, 0, 0, 0) };

	f->args[0] = b;
	f->args[1] = c;
	run(f, 1, sizeof(record), insns, 5);
	return slot(0);
}

static void test_operators_are_those_of_64_bits(void **state)
{
	struct fake f = { 0 };
	uint64_t min = 1ull << 63, m1 = ~0ull;

	(void)state;
	assert_true(compute(&f, DL_OP_ADD, m1, 2, 0) == 1);
	assert_true(compute(&f, DL_OP_SUB, 1, 2, 0) == m1);
	assert_true(compute(&f, DL_OP_MUL, min, 3, 0) == min);
	assert_true(compute(&f, DL_OP_SHL, 1, 65, 0) == 2);
	assert_true(compute(&f, DL_OP_SHR, min, 63, 0) == 1);
	assert_true(compute(&f, DL_OP_SRA, min, 63, 0) == m1);
	assert_true(compute(&f, DL_OP_ADDI, 5, 0, -7) == (uint64_t)-2);
	assert_true(compute(&f, DL_OP_NEG, min, 0, 0) == min);
	assert_true(compute(&f, DL_OP_COM, 0, 0, 0) == m1);
	assert_true(compute(&f, DL_OP_LNOT, 3, 0, 0) == 0);
	assert_true(compute(&f, DL_OP_BOOL, 3, 0, 0) == 1);
	assert_true(compute(&f, DL_OP_LTS, m1, 0, 0) == 1);
	assert_true(compute(&f, DL_OP_LTU, m1, 0, 0) == 0);
	assert_true(compute(&f, DL_OP_LES, 4, 4, 0) == 1);
	assert_true(compute(&f, DL_OP_LEU, 5, 4, 0) == 0);
	assert_true(compute(&f, DL_OP_EQ, 5, 5, 0) == 1);
	assert_true(compute(&f, DL_OP_NE, 5, 5, 0) == 0);
	assert_true(compute(&f, DL_OP_SX, 0x1ff, 0, 8) == m1);
	assert_true(compute(&f, DL_OP_ZX, 0x1ff, 0, 8) == 0xff);
	assert_true(compute(&f, DL_OP_SX, min, 0, 64) == min);
	assert_true(compute(&f, DL_OP_XOR, 6, 3, 0) == 5);
	assert_true(compute(&f, DL_OP_AND, 6, 3, 0) == 2);
	assert_true(compute(&f, DL_OP_OR, 6, 3, 0) == 7);
	assert_true(compute(&f, DL_OP_MOV, 6, 3, 0) == 6);
}

static void test_a_skipped_load_cannot_fail(void **state)
{
	struct fake f = { 0 };

	(void)state;
	RUN(&f, 1, I(NARG, 0, 0, 0, 0), I(JZ, 0, 0, 0, 1), I(NLD, 0, 0, 8, 0), I(NSLOT, 0, 0, 0, 0),
	    I(END, 0, 0, 0, 0));
	assert_int_equal(record.rec.faults, 0);
	assert_int_equal(slot(0), 0);
	assert_int_equal(f.n_loads, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_program_leaves_a_bare_record),
		cmocka_unit_test(test_arguments_and_registers_reach_their_slots),
		cmocka_unit_test(test_loads_extend_by_size_and_sign),
		cmocka_unit_test(test_a_failed_load_marks_its_slot_and_only_it),
		cmocka_unit_test(test_a_word_across_the_end_of_memory_faults_at_its_start),
		cmocka_unit_test(test_an_unreadable_argument_faults_inside_a_slot),
		cmocka_unit_test(test_an_unreadable_argument_is_zero_in_the_predicate),
		cmocka_unit_test(test_nrec_leaves_no_record),
		cmocka_unit_test(test_strings_are_captured_with_their_nul),
		cmocka_unit_test(test_a_long_string_is_cut_at_strsize),
		cmocka_unit_test(test_a_string_limit_counts_the_nul),
		cmocka_unit_test(test_a_string_that_runs_into_unreadable_memory_faults_there),
		cmocka_unit_test(test_a_string_that_ends_at_the_last_byte_is_whole),
		cmocka_unit_test(test_memory_is_captured_whole_or_not_at_all),
		cmocka_unit_test(test_captures_are_cut_to_the_room_there_is),
		cmocka_unit_test(test_operators_are_those_of_64_bits),
		cmocka_unit_test(test_a_skipped_load_cannot_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

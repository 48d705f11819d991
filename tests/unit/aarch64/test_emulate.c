/*
 * arch_emulate() against the processor: random registers, flags and operands.
 */
#include "arch/arch.h"
#include "run_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define ROUNDS 3000
#define CODE_LEN 0x4000
#define SITE 0x2000
#define STACK_LEN 0x1000
#define AWAY 0x3000 /* where registers of branches point to */

#define WORD_SP 31
#define WORD_PC 32
#define WORD_PSTATE 33

static uint8_t *region; /* CODE_LEN bytes that may be written and run, then a stack */

static int map_region(void **state)
{
	(void)state;
	region = mmap(NULL, CODE_LEN + STACK_LEN, PROT_READ | PROT_WRITE | PROT_EXEC,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return region == MAP_FAILED ? -1 : 0;
}

static int unmap_region(void **state)
{
	(void)state;
	return munmap(region, CODE_LEN + STACK_LEN);
}

static uint64_t site_pc(void)
{
	return (uint64_t)(uintptr_t)region + SITE;
}

static void regs_of_cpu(struct arch_regs *r, const struct cpu *c, uint64_t pc)
{
	for (int i = 0; i < 32; i++)
		r->w[i] = c->x[i];
	r->w[WORD_PC] = pc;
	r->w[WORD_PSTATE] = c->nzcv;
}

static void random_cpu(struct cpu *c)
{
	memset(c, 0, sizeof(*c));
	for (int i = 0; i < 31; i++)
		c->x[i] = random_value();
	/* In the middle, so that what moves it a little leaves room for the exit. */
	c->x[SP] = (uint64_t)(uintptr_t)region + CODE_LEN + STACK_LEN / 2;
	c->nzcv = random_nzcv();
}

/* Runs the word for real from c; returns where it went. */
static uint64_t run_real(uint32_t w, uint64_t target, struct cpu *c)
{
	uint64_t pc = site_pc();

	code_put(region + SITE, &w, 4);
	exit_put(region + SITE + 4);
	if (target && target != pc + 4)
		exit_put((uint8_t *)(uintptr_t)target);
	run_cpu = *c;
	run_at(pc);
	*c = run_cpu;
	return run_cpu.exit;
}

static void expect_same(uint32_t w, const struct arch_regs *real, const struct arch_regs *emulated)
{
	static const uint64_t btype = 3 << 10;

	for (unsigned i = 0; i < ARCH_REG_WORDS; i++) {
		uint64_t v = emulated->w[i] & (i == WORD_PSTATE ? ~btype : UINT64_MAX);

		if (real->w[i] != v)
			fail_msg("%08x, word %u: real %lx, emulated %lx", w, i,
				 (unsigned long)real->w[i], (unsigned long)v);
	}
}

/* Emulated and real run agree; false: the emulator declines. */
static bool compare_at(uint32_t w, const struct cpu *before, uint64_t target)
{
	struct arch_regs emulated, real;
	struct cpu after = *before;
	uint64_t went;

	regs_of_cpu(&emulated, before, site_pc());
	if (!arch_emulate((const void *)&w, 4, site_pc(), &emulated))
		return false;
	went = run_real(w, target, &after);
	regs_of_cpu(&real, &after, went);
	expect_same(w, &real, &emulated);
	return true;
}

static bool compare(uint32_t w, const struct cpu *before)
{
	struct arch_insn insn;

	assert_true(arch_insn_length((const void *)&w, 4, site_pc(), &insn));
	return compare_at(w, before, insn.target);
}

/* No sp: what may be there would not hold the exit. */
static uint32_t random_regs(uint32_t w)
{
	return w | (random_next() % 31) | (uint32_t)(random_next() % 31) << 5;
}

static uint32_t bit(unsigned at)
{
	return (uint32_t)(random_next() & 1) << at;
}

/* add, sub, adds, subs, 32 or 64 bits */
static uint32_t random_add(uint32_t w)
{
	return w | bit(31) | bit(30) | bit(29);
}

static void test_arithmetic_with_immediates_agrees(void **state)
{
	struct cpu c;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t imm = (uint32_t)(random_next() & 0xfff) << 10 | bit(22);

		random_cpu(&c);
		assert_true(compare(random_add(random_regs(0x11000000)) | imm, &c));
		/* cmp and cmn; from sp. */
		assert_true(compare((random_add(random_regs(0x31000000)) & ~31u) | 31 | imm, &c));
		assert_true(compare((random_add(0x11000000) | imm | 31 << 5) & ~(1u << 31), &c));
		assert_true(compare(random_add(0x11000003) | imm | 31 << 5, &c));
	}
}

static void test_the_stack_pointer_moves_as_it_does_in_life(void **state)
{
	struct cpu c;

	(void)state;
	for (uint32_t imm = 0; imm < 0x400; imm += 16) {
		random_cpu(&c);
		assert_true(compare(0xd10003ff | imm << 10, &c)); /* sub sp, sp */
		assert_true(compare(0x910003ff | imm << 10, &c)); /* add sp, sp */
		assert_true(compare(0x910003fd | imm << 10, &c)); /* add x29, sp */
		c.x[29] = c.x[SP] - imm;
		assert_true(compare(0x910003bf, &c)); /* mov sp, x29 */
		assert_true(compare(0x927cefbf, &c)); /* and sp, x29, -16 */
	}
}

static void test_arithmetic_with_shifted_registers_agrees(void **state)
{
	unsigned declined = 0;
	struct cpu c;

	(void)state;
	for (int i = 0; i < ROUNDS * 3; i++) {
		uint32_t w = random_add(0x0b000000) | (uint32_t)(random_next() & 0x3ff) |
			     (uint32_t)(random_next() & 31) << 16 |
			     (uint32_t)(random_next() % 3) << 22;
		unsigned limit = w >> 31 ? 64 : 32;

		random_cpu(&c);
		assert_true(compare(w | (uint32_t)(random_next() % limit) << 10, &c));
		/* A shift that is none: the processor would not run it. */
		if (!(w >> 31))
			declined += !compare(w | 33 << 10, &c);
	}
	assert_true(declined > ROUNDS / 4);
}

static void test_logic_with_shifted_registers_agrees(void **state)
{
	struct cpu c;

	(void)state;
	for (int i = 0; i < ROUNDS * 3; i++) {
		uint32_t w = 0x0a000000 | bit(31) | bit(30) | bit(29) | bit(21) | bit(22) |
			     bit(23) | (uint32_t)(random_next() & 0x3ff) |
			     (uint32_t)(random_next() & 31) << 16;

		random_cpu(&c);
		w |= (uint32_t)(random_next() % (w >> 31 ? 64 : 32)) << 10;
		assert_true(compare(w, &c));
	}
}

static void test_logic_with_immediates_agrees(void **state)
{
	unsigned done = 0;
	struct cpu c;

	(void)state;
	for (int i = 0; i < ROUNDS * 4; i++) {
		uint32_t w = random_regs(0x12000000) | bit(31) | bit(30) | bit(29) |
			     (uint32_t)(random_next() & 0x1fff) << 10;

		random_cpu(&c);
		/* What is declined is no instruction, or has no run of ones. */
		done += compare(w, &c);
	}
	assert_true(done > ROUNDS * 2);
}

static void test_moves_of_immediates_agree(void **state)
{
	static const uint32_t kinds[] = { 0x12800000, 0x52800000, 0x72800000 };
	struct cpu c;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t w = kinds[random_next() % 3] | bit(31) | bit(21) |
			     (uint32_t)(random_next() & 0xffff) << 5 |
			     (uint32_t)(random_next() & 31);

		if (w >> 31)
			w |= bit(22);
		random_cpu(&c);
		assert_true(compare(w, &c));
	}
}

static void test_addresses_relative_to_pc_agree(void **state)
{
	struct cpu c;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		random_cpu(&c);
		assert_true(
			compare(0x10000000 | bit(31) | (uint32_t)(random_next() & 0x60ffffff), &c));
	}
}

static void test_conditional_branches_agree_for_all_flags(void **state)
{
	struct cpu c;

	(void)state;
	for (uint32_t cond = 0; cond < 16; cond++) {
		for (uint64_t nzcv = 0; nzcv < 16; nzcv++) {
			random_cpu(&c);
			c.nzcv = nzcv << 28;
			assert_true(compare(0x54000000 | 0x20 << 5 | cond, &c));
			assert_true(compare(0x54000000 | (0x7ffff - 0x20) << 5 | cond, &c));
		}
	}
}

static void test_compare_and_test_branches_agree(void **state)
{
	struct cpu c;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned reg = (unsigned)(random_next() % 32);
		uint32_t far = (uint32_t)(0x20 + (random_next() & 0x1f)) << 5;

		random_cpu(&c);
		if (reg != 31 && random_next() & 1)
			c.x[reg] = random_next() & 1 ? 0 : 0x100000000;
		assert_true(compare(0x34000000 | bit(31) | bit(24) | far | reg, &c));
		assert_true(compare(0x36000000 | bit(31) | bit(24) | far | reg |
					    (uint32_t)(random_next() & 31) << 19,
				    &c));
	}
}

static void test_direct_branches_and_calls_agree(void **state)
{
	struct cpu c;

	(void)state;
	random_cpu(&c);
	assert_true(compare(0x14000020, &c));
	assert_true(compare(0x14000001, &c));
	assert_true(compare(0x17ffff00, &c));
	assert_true(compare(0x94000020, &c));
	assert_true(compare(0x94000001, &c));
	assert_true(compare(0x97ffff00, &c));
}

static void test_branches_through_registers_agree(void **state)
{
	static const uint32_t kinds[] = { 0xd61f0000, 0xd63f0000, 0xd65f0000 };
	struct cpu c;

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		for (unsigned reg = 0; reg < 31; reg++) {
			random_cpu(&c);
			c.x[reg] = (uint64_t)(uintptr_t)region + AWAY + reg * 32;
			assert_true(compare_at(kinds[k] | reg << 5, &c, c.x[reg]));
		}
	}
}

static void test_hints_that_do_nothing_agree(void **state)
{
	static const uint32_t words[] = { 0xd503201f, 0xd503203f, 0xd503241f, 0xd503245f,
					  0xd503249f, 0xd50324df, 0xd8000040 };
	struct cpu c;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		random_cpu(&c);
		assert_true(compare(words[i], &c));
	}
}

/* ------------------------------------------------------- branch type -- */

static uint64_t btype_after(uint32_t w)
{
	struct arch_regs r = { .w = { 0 } };

	r.w[WORD_PSTATE] = 3 << 10; /* as if a branch had just come here */
	assert_true(arch_emulate((const void *)&w, 4, 0x1000, &r));
	return r.w[WORD_PSTATE] >> 10 & 3;
}

static void test_only_branches_through_registers_leave_a_branch_type(void **state)
{
	(void)state;
	assert_int_equal(btype_after(0xd503245f), 0); /* bti c: the next needs no pad */
	assert_int_equal(btype_after(0x910003fd), 0);
	assert_int_equal(btype_after(0x14000020), 0);
	assert_int_equal(btype_after(0x94000020), 0);
	assert_int_equal(btype_after(0x54000040), 0);
	assert_int_equal(btype_after(0xd61f0000), 1);
	assert_int_equal(btype_after(0xd63f0000), 2);
	assert_int_equal(btype_after(0xd65f03c0), 0);
}

static void declines(uint32_t w)
{
	struct arch_regs r = { .w = { 0 } }, same;

	r.w[WORD_PSTATE] = 2 << 10;
	same = r;
	if (arch_emulate((const void *)&w, 4, 0x1000, &r))
		fail_msg("%08x is emulated", w);
	assert_memory_equal(&r, &same, sizeof(r));
}

static void test_what_needs_memory_or_is_not_listed_is_declined_untouched(void **state)
{
	uint32_t nop = 0xd503201f;
	struct arch_regs r = { .w = { 0 } };

	(void)state;
	declines(0xa9bf7bfd); /* stp x29, x30, [sp, #-16]! */
	declines(0xf9400000); /* ldr x0, [x0] */
	declines(0x58000040); /* ldr x0, .+8 */
	declines(0x9c000040); /* ldr q0, .+8 */
	declines(0xd503233f); /* paciasp */
	declines(0xd65f0bff); /* retaa */
	declines(0xd71f0822); /* braa x1, x2 */
	declines(0xd63f083f); /* blraaz x1 */
	declines(0xd4000001); /* svc */
	declines(0xd4200000); /* brk */
	declines(0xd503205f); /* wfe */
	declines(0x8b200000); /* add, extended register */
	declines(0x9b020c20); /* madd */
	declines(0x12400000); /* and with N, 32 bits: no instruction */
	declines(0x92407c00 | 0x3f << 10 | 1 << 22); /* all ones: no instruction */
	declines(0x32800000); /* move wide of no kind */
	declines(0x52c00000); /* movz w0, #0, lsl #32 */
	declines(0x0bc00000); /* add with a rotation */
	declines(0x91800000); /* addg */
	declines(0);
	assert_false(arch_emulate((const void *)&nop, 3, 0x1000, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arithmetic_with_immediates_agrees),
		cmocka_unit_test(test_the_stack_pointer_moves_as_it_does_in_life),
		cmocka_unit_test(test_arithmetic_with_shifted_registers_agrees),
		cmocka_unit_test(test_logic_with_shifted_registers_agrees),
		cmocka_unit_test(test_logic_with_immediates_agrees),
		cmocka_unit_test(test_moves_of_immediates_agree),
		cmocka_unit_test(test_addresses_relative_to_pc_agree),
		cmocka_unit_test(test_conditional_branches_agree_for_all_flags),
		cmocka_unit_test(test_compare_and_test_branches_agree),
		cmocka_unit_test(test_direct_branches_and_calls_agree),
		cmocka_unit_test(test_branches_through_registers_agree),
		cmocka_unit_test(test_hints_that_do_nothing_agree),
		cmocka_unit_test(test_only_branches_through_registers_leave_a_branch_type),
		cmocka_unit_test(test_what_needs_memory_or_is_not_listed_is_declined_untouched),
	};

	return cmocka_run_group_tests(tests, map_region, unmap_region);
}

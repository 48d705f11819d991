/* USDT operands in AT&T syntax. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/user.h>

#include <cmocka.h>

#include "arch/arch.h"

#define WORD(field) ((int)(offsetof(struct user_regs_struct, field) / 8))

static struct arch_operand parse(const char *text)
{
	struct arch_operand op;

	assert_true(arch_operand_parse(text, strlen(text), &op));
	return op;
}

static void check_reg(const char *text, int word, int shift)
{
	struct arch_operand op = parse(text);

	assert_int_equal(op.kind, ARCH_OP_REG);
	assert_int_equal(op.base, word);
	assert_int_equal(op.shift, shift);
}

static void registers_are_known_by_all_their_names(void **state)
{
	(void)state;
	check_reg("%rax", WORD(rax), 0);
	check_reg("%eax", WORD(rax), 0);
	check_reg("%ax", WORD(rax), 0);
	check_reg("%al", WORD(rax), 0);
	check_reg("%ah", WORD(rax), 8);
	check_reg("%bh", WORD(rbx), 8);
	check_reg("%sil", WORD(rsi), 0);
	check_reg("%esi", WORD(rsi), 0);
	check_reg("%rsp", WORD(rsp), 0);
	check_reg("%bpl", WORD(rbp), 0);
	check_reg("%r8", WORD(r8), 0);
	check_reg("%r15d", WORD(r15), 0);
	check_reg("%r10w", WORD(r10), 0);
	check_reg("%r9b", WORD(r9), 0);
	check_reg("%r9l", WORD(r9), 0);
	assert_int_equal(parse("%xmm13").kind, ARCH_OP_VECTOR);
	assert_int_equal(parse("%xmm13").base, 13);
}

static void constants_may_be_negative_and_hold_symbols(void **state)
{
	struct arch_operand op = parse("$-5");

	(void)state;
	assert_int_equal(op.kind, ARCH_OP_CONST);
	assert_int_equal(op.value, -5);
	assert_null(op.symbol);
	assert_int_equal(parse("$0x10").value, 16);
	op = parse("$table+8");
	assert_int_equal(op.value, 8);
	assert_int_equal(op.symbol_len, 5);
	assert_memory_equal(op.symbol, "table", 5);
}

static void memory_has_base_index_scale_and_displacement(void **state)
{
	struct arch_operand op = parse("-8(%rbp)");

	(void)state;
	assert_int_equal(op.kind, ARCH_OP_MEM);
	assert_int_equal(op.base, WORD(rbp));
	assert_int_equal(op.index, -1);
	assert_int_equal(op.value, -8);
	op = parse("16(%rax,%r9,8)");
	assert_int_equal(op.base, WORD(rax));
	assert_int_equal(op.index, WORD(r9));
	assert_int_equal(op.scale, 8);
	assert_int_equal(op.value, 16);
	op = parse("(,%rcx,4)");
	assert_int_equal(op.base, -1);
	assert_int_equal(op.index, WORD(rcx));
	assert_int_equal(parse("(%rdi)").base, WORD(rdi));
	assert_int_equal(parse("(%rdi,%rsi)").scale, 1);
}

static void symbols_are_relative_to_the_program_counter(void **state)
{
	struct arch_operand op = parse("4+Checkpoint(%rip)");

	(void)state;
	assert_int_equal(op.kind, ARCH_OP_MEM);
	assert_int_equal(op.base, -1);
	assert_int_equal(op.value, 4);
	assert_int_equal(op.symbol_len, 10);
	assert_int_equal(parse("sym-4(%rip)").value, -4);
	assert_int_equal(parse("table(,%rax,8)").index, WORD(rax));
	op = parse("main@GOTPCREL(%rip)");
	assert_int_equal(op.kind, ARCH_OP_CONST);
	assert_int_equal(op.symbol_len, 4);
}

static void what_is_no_operand_is_refused(void **state)
{
	static const char *const bad[] = {
		"",	  "%",	    "%r16",    "%rzx",		"%xmm16",	   "$",
		"$5x",	  "8(%rax", "8(rax)",  "(%rax,%rbx,3)", "(%rax,%rbx,8,1)", "%fs:8",
		"(%eax)", "5+",	    "8(%rip)", "%raxx",		"[sp, 8]",	   "(%xmm0)",
		"+",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct arch_operand op;

		if (arch_operand_parse(bad[i], strlen(bad[i]), &op))
			fail_msg("taken: '%s'", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_are_known_by_all_their_names),
		cmocka_unit_test(constants_may_be_negative_and_hold_symbols),
		cmocka_unit_test(memory_has_base_index_scale_and_displacement),
		cmocka_unit_test(symbols_are_relative_to_the_program_counter),
		cmocka_unit_test(what_is_no_operand_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* USDT operands as the aarch64 assembler prints them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arch.h"

static struct arch_operand parse(const char *text)
{
	struct arch_operand op;

	assert_true(arch_operand_parse(text, strlen(text), &op));
	return op;
}

static void registers_and_constants(void **state)
{
	(void)state;
	assert_int_equal(parse("x0").kind, ARCH_OP_REG);
	assert_int_equal(parse("w30").base, 30);
	assert_int_equal(parse("sp").base, 31);
	assert_int_equal(parse("xzr").kind, ARCH_OP_CONST);
	assert_int_equal(parse("xzr").value, 0);
	assert_int_equal(parse("d7").kind, ARCH_OP_VECTOR);
	assert_int_equal(parse("d7").base, 7);
	assert_int_equal(parse("-5").value, -5);
	assert_int_equal(parse("#12").value, 12);
}

static void memory(void **state)
{
	struct arch_operand op = parse("[sp, 16]");

	(void)state;
	assert_int_equal(op.kind, ARCH_OP_MEM);
	assert_int_equal(op.base, 31);
	assert_int_equal(op.value, 16);
	assert_int_equal(op.index, -1);
	assert_int_equal(parse("[x1, #-8]").value, -8);
	assert_int_equal(parse("[x3]").base, 3);
	op = parse("[x1, x2, lsl 3]");
	assert_int_equal(op.index, 2);
	assert_int_equal(op.scale, 8);
	op = parse("[x1, w2, sxtw 2]");
	assert_int_equal(op.extend, ARCH_EXTEND_SIGNED);
	assert_int_equal(op.scale, 4);
	assert_int_equal(parse("[x1, w2, uxtw]").extend, ARCH_EXTEND_ZERO);
}

static void what_is_no_operand_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"x31",
		"w99",
		"v32",
		"[",
		"[]",
		"[x0",
		"[x0, x1, lsl 9]",
		"[x0, 1, 2, 3]",
		"[d0]",
		"%rax",
		"#",
		"[x0, ]x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct arch_operand op;

		if (arch_operand_parse(bad[i], strlen(bad[i]), &op) && op.kind != ARCH_OP_MEM)
			fail_msg("taken: '%s'", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_and_constants),
		cmocka_unit_test(memory),
		cmocka_unit_test(what_is_no_operand_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

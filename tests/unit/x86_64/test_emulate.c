/*
 * arch_emulate() against the processor: random registers, flags and operands.
 */
#include "arch/arch.h"
#include "run_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/user.h>
#include <cmocka.h>

#define ROUNDS 3000
#define CODE_LEN 0x2000
#define SITE 0x1000

static uint8_t *region; /* CODE_LEN bytes that may be written and run */

static int map_region(void **state)
{
	(void)state;
	region = mmap(NULL, CODE_LEN, PROT_READ | PROT_WRITE | PROT_EXEC,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return region == MAP_FAILED ? -1 : 0;
}

static int unmap_region(void **state)
{
	(void)state;
	return munmap(region, CODE_LEN);
}

static struct user_regs_struct *user(struct arch_regs *r)
{
	return (struct user_regs_struct *)r;
}

static void regs_of_cpu(struct arch_regs *r, const struct cpu *c, uint64_t pc)
{
	*user(r) = (struct user_regs_struct){
		.rax = c->gpr[RAX],
		.rcx = c->gpr[RCX],
		.rdx = c->gpr[RDX],
		.rbx = c->gpr[RBX],
		.rsp = c->gpr[RSP],
		.rbp = c->gpr[RBP],
		.rsi = c->gpr[RSI],
		.rdi = c->gpr[RDI],
		.r8 = c->gpr[R8],
		.r9 = c->gpr[R9],
		.r10 = c->gpr[R10],
		.r11 = c->gpr[R11],
		.r12 = c->gpr[R12],
		.r13 = c->gpr[R13],
		.r14 = c->gpr[R14],
		.r15 = c->gpr[R15],
		.eflags = c->flags,
		.rip = pc,
	};
}

static void random_cpu(struct cpu *c)
{
	memset(c, 0, sizeof(*c));
	for (int i = 0; i < 16; i++)
		c->gpr[i] = random_value();
	c->flags = random_flags();
	c->fx[0] = 0x7f; /* x87 and SSE control words of a new thread */
	c->fx[1] = 0x03;
	c->fx[24] = 0x80;
	c->fx[25] = 0x1f;
}

/* Runs the code for real from cpu; the exits tell where it went. */
static uint64_t run_real(const uint8_t *code, size_t len, uint64_t target, struct cpu *c)
{
	uint64_t pc = (uint64_t)(uintptr_t)region + SITE;
	uint8_t *next = region + SITE + len, *far = (uint8_t *)(uintptr_t)target;

	memset(region, 0xcc, CODE_LEN);
	memcpy(region + SITE, code, len);
	exit_put(next);
	if (target)
		exit_put(far);
	run_cpu = *c;
	run_at(pc);
	*c = run_cpu;
	if (exit_taken(next))
		return pc + len;
	assert_true(target && exit_taken(far));
	return target;
}

static void describe(const uint8_t *code, size_t len)
{
	char text[64] = "";

	for (size_t i = 0; i < len; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%02x ", code[i]);
	print_message("code %s\n", text);
}

/* Emulated and real run of code agree; false: the emulator declines. */
static bool compare(const uint8_t *code, size_t len, struct cpu *before)
{
	uint64_t pc = (uint64_t)(uintptr_t)region + SITE, went;
	struct arch_regs emulated, real;
	struct arch_insn insn;
	struct cpu after = *before;

	assert_true(arch_insn_length(code, len, pc, &insn));
	assert_int_equal(insn.len, len);
	regs_of_cpu(&emulated, before, pc);
	if (!arch_emulate(code, len, pc, &emulated))
		return false;
	went = run_real(code, len, insn.target ? insn.target : 0, &after);
	regs_of_cpu(&real, &after, went);
	if (memcmp(&real, &emulated, sizeof(struct user_regs_struct)) != 0) {
		describe(code, len);
		for (unsigned i = 0; i < 20; i++) {
			if (real.w[i] != emulated.w[i])
				print_message("word %u: real %lx, emulated %lx\n", i,
					      (unsigned long)real.w[i],
					      (unsigned long)emulated.w[i]);
		}
		fail();
	}
	return true;
}

/* A REX byte of random registers; W as asked. */
static uint8_t random_rex(bool wide)
{
	return (uint8_t)(0x40 | (wide ? 8 : 0) | (random_next() & 7));
}

static size_t put_imm(uint8_t *code, size_t n, size_t len)
{
	uint64_t v = random_value();

	memcpy(code + n, &v, len);
	return n + len;
}

static void test_register_arithmetic_has_the_processors_results_and_flags(void **state)
{
	static const uint8_t rows[] = { 0x00, 0x08, 0x20, 0x28, 0x30, 0x38 };
	struct cpu c;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t row = rows[random_next() % sizeof(rows)];
		uint8_t op = row | (random_next() & 1 ? 1 : 3);
		uint8_t code[] = { random_rex(random_next() & 1), op,
				   (uint8_t)(0xc0 | random_next()) };

		random_cpu(&c);
		assert_true(compare(code, sizeof(code), &c));
		code[1] = 0x85; /* test */
		assert_true(compare(code, sizeof(code), &c));
		code[1] = 0x89; /* mov */
		assert_true(compare(code, sizeof(code), &c));
		code[1] = 0x8b;
		assert_true(compare(code, sizeof(code), &c));
	}
}

static void test_arithmetic_with_immediates_agrees(void **state)
{
	static const uint8_t exts[] = { 0, 1, 4, 5, 6, 7 };
	struct cpu c;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t ext = exts[random_next() % sizeof(exts)];
		bool narrow = random_next() & 1;
		uint8_t code[16] = { random_rex(random_next() & 1), narrow ? 0x83 : 0x81,
				     (uint8_t)(0xc0 | ext << 3 | (random_next() & 7)) };

		random_cpu(&c);
		assert_true(compare(code, put_imm(code, 3, narrow ? 1 : 4), &c));
		code[1] = (uint8_t)(ext << 3 | 5); /* op $imm, %rax */
		assert_true(compare(code, put_imm(code, 2, 4), &c));
		code[1] = 0xa9;
		assert_true(compare(code, put_imm(code, 2, 4), &c));
		code[1] = 0xf7;
		code[2] = (uint8_t)(0xc0 | (random_next() & 7));
		assert_true(compare(code, put_imm(code, 3, 4), &c));
	}
}

static void test_moves_of_immediates_agree(void **state)
{
	struct cpu c;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		bool wide = random_next() & 1;
		uint8_t code[16] = { random_rex(wide), (uint8_t)(0xb8 | (random_next() & 7)) };

		random_cpu(&c);
		assert_true(compare(code, put_imm(code, 2, wide ? 8 : 4), &c));
		code[1] = 0xc7;
		code[2] = (uint8_t)(0xc0 | (random_next() & 7));
		assert_true(compare(code, put_imm(code, 3, 4), &c));
	}
}

static void test_lea_agrees_for_every_addressing_form(void **state)
{
	struct cpu c;

	(void)state;
	for (int i = 0; i < ROUNDS * 3; i++) {
		uint8_t code[24];
		struct arch_insn insn;
		size_t n = 0;

		if (random_next() % 4 == 0)
			code[n++] = 0x67;
		code[n++] = random_rex(random_next() & 1);
		code[n++] = 0x8d;
		code[n++] = (uint8_t)((random_next() % 3) << 6 | (random_next() & 0x3f));
		n = put_imm(code, n, 8);
		random_cpu(&c);
		assert_true(arch_insn_length(code, n, 0, &insn));
		assert_true(compare(code, insn.len, &c));
	}
}

static void test_conditional_jumps_agree_for_all_flags(void **state)
{
	struct cpu c;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t cc = random_next() & 15;
		const uint8_t near[] = { (uint8_t)(0x70 | cc), 0x40 };
		const uint8_t far[] = { 0x0f, (uint8_t)(0x80 | cc), 0x00, 0xff, 0xff, 0xff };

		random_cpu(&c);
		assert_true(compare(near, sizeof(near), &c));
		assert_true(compare(far, sizeof(far), &c));
	}
}

static void test_counted_jumps_agree(void **state)
{
	static const uint64_t counts[] = { 0, 1, 2, 0x100000000, 0x100000001, UINT64_MAX };
	struct cpu c;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t op = 0xe0 | (random_next() & 3);
		const uint8_t wide[] = { op, 0x50 }, narrow[] = { 0x67, op, 0xa0 };

		random_cpu(&c);
		c.gpr[RCX] = counts[random_next() % 6];
		assert_true(compare(wide, sizeof(wide), &c));
		assert_true(compare(narrow, sizeof(narrow), &c));
	}
}

#define AGREES(...)                                              \
	do {                                                     \
		const uint8_t _code[] = { __VA_ARGS__ };         \
		struct cpu _c;                                   \
		random_cpu(&_c);                                 \
		assert_true(compare(_code, sizeof(_code), &_c)); \
	} while (0)

static void test_nops_and_direct_jumps_agree(void **state)
{
	(void)state;
	AGREES(0x90);
	AGREES(0x66, 0x90);
	AGREES(0xf3, 0x0f, 0x1e, 0xfa);
	AGREES(0x0f, 0x1f, 0x44, 0x00, 0x00);
	AGREES(0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00);
	AGREES(0xeb, 0x30);
	AGREES(0xeb, 0x90);
	AGREES(0xe9, 0x00, 0x01, 0x00, 0x00);
	AGREES(0xf2, 0xe9, 0x00, 0x01, 0x00, 0x00);
}

static void test_an_indirect_jump_through_a_register_sets_pc(void **state)
{
	const uint8_t code[] = { 0x41, 0xff, 0xe3 }; /* jmp *%r11 */
	struct arch_regs r = { .w = { 0 } };

	(void)state;
	user(&r)->r11 = 0x123456789a;
	assert_true(arch_emulate(code, sizeof(code), 0x1000, &r));
	assert_int_equal(arch_pc(&r), 0x123456789a);
}

#define DECLINES(...)                                                          \
	do {                                                                   \
		const uint8_t _code[] = { __VA_ARGS__ };                       \
		struct arch_regs _r = { .w = { 0 } }, _same = _r;              \
		assert_false(arch_emulate(_code, sizeof(_code), 0x1000, &_r)); \
		assert_memory_equal(&_r, &_same, sizeof(_r));                  \
	} while (0)

static void test_what_needs_memory_or_is_not_listed_is_declined_untouched(void **state)
{
	(void)state;
	DECLINES(0x55); /* push %rbp */
	DECLINES(0xc3); /* ret */
	DECLINES(0xe8, 0, 0, 0, 0); /* call */
	DECLINES(0x48, 0x89, 0x07); /* mov %rax, (%rdi) */
	DECLINES(0x48, 0x8b, 0x07); /* mov (%rdi), %rax */
	DECLINES(0x48, 0x01, 0x07); /* add %rax, (%rdi) */
	DECLINES(0x48, 0x83, 0x2f, 1); /* subq $1, (%rdi) */
	DECLINES(0x48, 0x85, 0x07); /* test %rax, (%rdi) */
	DECLINES(0xff, 0x20); /* jmp *(%rax) */
	DECLINES(0x48, 0x11, 0xc0); /* adc */
	DECLINES(0x66, 0x31, 0xc0); /* xor %ax, %ax */
	DECLINES(0x30, 0xc0); /* xor %al, %al */
	DECLINES(0x66, 0xeb, 0); /* jmp with an operand-size prefix */
	DECLINES(0xc7, 0xf8, 0, 0, 0, 0); /* xbegin */
	DECLINES(0x0f, 0x05); /* syscall */
	DECLINES(0xf3, 0x90); /* pause */
	DECLINES(0x49, 0x90); /* xchg %rax, %r8 */
	DECLINES(0xcc);
	DECLINES(0x48); /* cut off */
}

static void test_under_single_stepping_nothing_is_emulated(void **state)
{
	const uint8_t nop = 0x90;
	struct arch_regs r = { .w = { 0 } };

	(void)state;
	user(&r)->eflags = 0x100;
	assert_false(arch_emulate(&nop, 1, 0x1000, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_register_arithmetic_has_the_processors_results_and_flags),
		cmocka_unit_test(test_arithmetic_with_immediates_agrees),
		cmocka_unit_test(test_moves_of_immediates_agree),
		cmocka_unit_test(test_lea_agrees_for_every_addressing_form),
		cmocka_unit_test(test_conditional_jumps_agree_for_all_flags),
		cmocka_unit_test(test_counted_jumps_agree),
		cmocka_unit_test(test_nops_and_direct_jumps_agree),
		cmocka_unit_test(test_an_indirect_jump_through_a_register_sets_pc),
		cmocka_unit_test(test_what_needs_memory_or_is_not_listed_is_declined_untouched),
		cmocka_unit_test(test_under_single_stepping_nothing_is_emulated),
	};

	return cmocka_run_group_tests(tests, map_region, unmap_region);
}

/*
 * Near programs as machine code against the near interpreter: random programs
 * over random registers and memory, both leave the same record, and the program
 * they run in notices nothing.
 */
#include "tramp_rig.h"

static const uint8_t plain[] = { 0x0f, 0x1f, 0x44, 0, 0 };
#define RED_ZONE_LEN 128
#include "../near_random.h"

/* A general register. */
static int16_t random_word(void)
{
	static const struct {
		char text[5];
	} names[] = { { "%rax" }, { "%rcx" }, { "%rdx" }, { "%rbx" }, { "%rsp" }, { "%rbp" },
		      { "%rsi" }, { "%rdi" }, { "%r8" },  { "%r9" },  { "%r10" }, { "%r11" },
		      { "%r12" }, { "%r13" }, { "%r14" }, { "%r15" } };
	const char *name = names[below(16)].text;
	struct arch_operand op;

	assert_true(arch_operand_parse(name, strlen(name), &op));
	return op.base;
}

static const unsigned n_places = 10;

static struct arch_place random_place(void)
{
	struct arch_place p = {
		.op = { .kind = ARCH_OP_MEM, .base = -1, .index = -1, .scale = 1 },
		.size = (uint8_t)(1u << below(4)),
		.is_signed = below(2),
	};

	switch (below(8)) {
	case 0:
		p.op.kind = ARCH_OP_CONST;
		p.op.value = (int64_t)random_value();
		break;
	case 1:
		p.op.kind = ARCH_OP_VECTOR;
		p.op.base = (int16_t)below(16);
		break;
	case 2:
	case 3:
		p.op.kind = ARCH_OP_REG;
		p.op.base = random_word();
		p.op.shift = below(4) ? 0 : 8;
		break;
	case 4: p.op.value = (int64_t)random_pointer(); break;
	case 5:
		p.op.base = below(4) ? random_word() : -1;
		p.op.index = random_word();
		p.op.scale = (uint8_t)(1u << below(4));
		p.op.value = (int32_t)random_value();
		break;
	default:
		p.op.base = random_word();
		p.op.value = below(8) ? (int64_t)below(600) - 300 : (int64_t)random_value();
	}
	return p;
}

#include "../near_code.h"

int main(void)
{
	return near_code_tests();
}

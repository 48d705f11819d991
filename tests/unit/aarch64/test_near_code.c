/*
 * Near programs as machine code against the near interpreter: random programs
 * over random registers and memory, both leave the same record, and the program
 * they run in notices nothing.
 */
#include "tramp_rig.h"

static const uint32_t plain[] = { 0xd503201f };
#define RED_ZONE_LEN 0

#include "../near_random.h"

static const unsigned n_places = 10;

/* A general register, or the stack pointer. */
static int16_t random_word(void)
{
	return (int16_t)below(32);
}

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
		p.op.base = (int16_t)below(32);
		break;
	case 2:
	case 3:
		p.op.kind = ARCH_OP_REG;
		p.op.base = random_word();
		break;
	case 4: p.op.value = (int64_t)random_pointer(); break;
	case 5:
		p.op.base = below(4) ? random_word() : -1;
		p.op.index = random_word();
		p.op.scale = (uint8_t)(1u << below(5));
		p.op.extend = (uint8_t)below(3);
		p.op.value = below(2) ? (int32_t)random_value() : 0;
		break;
	default:
		p.op.base = random_word();
		p.op.value = below(8) ? (int64_t)below(600) - 300 : (int64_t)random_value();
	}
	/* Below the stack pointer nothing is the program's. */
	if (p.op.kind == ARCH_OP_MEM && (p.op.base == SP || p.op.index == SP)) {
		p.op.base = SP;
		p.op.index = -1;
		p.op.value = (int64_t)below(600);
	}
	return p;
}

#include "../near_code.h"

int main(void)
{
	return near_code_tests();
}

/*
 * How large a near program's record can become.  The record tier reserves that
 * much before it looks at anything.
 */
#include "near.h"

#include <string.h>

struct bound {
	const struct dl_code *code;
	uint32_t strsize;
	uint32_t reach; /* code before this may be jumped over */
	bool known[NEAR_REGS]; /* the register holds value, whatever path was taken */
	uint64_t value[NEAR_REGS];
};

static uint64_t aligned(uint64_t n)
{
	return (n + 7) & ~(uint64_t)7;
}

/* The length operand of a capture, at most limit. */
static uint64_t length(const struct bound *b, unsigned reg, uint64_t limit)
{
	if (reg < NEAR_REGS && b->known[reg] && b->value[reg] < limit)
		return b->value[reg];
	return limit;
}

/* A string has room for its NUL even if nothing may be read. */
static uint64_t string_size(uint64_t limit)
{
	return limit ? aligned(limit) : 8;
}

/* Bytes of the tail that the instruction may use. */
static uint64_t capture(const struct bound *b, const struct dl_insn *i)
{
	switch (i->op) {
	case DL_OP_NCAPS: return string_size(b->strsize);
	case DL_OP_NCAPSN: return string_size(length(b, i->b, b->strsize));
	case DL_OP_NCAPM: return aligned(length(b, i->b, NEAR_CAP_MAX));
	default: return 0;
	}
}

/* Follows constants through straight code, from one slot to the next. */
static void follow(struct bound *b, uint32_t pc, const struct dl_insn *i)
{
	switch (i->op) {
	case DL_OP_JMP:
	case DL_OP_JZ:
	case DL_OP_JNZ:
		if (pc + 1 + (uint32_t)i->imm > b->reach)
			b->reach = pc + 1 + (uint32_t)i->imm;
		return;
	case DL_OP_NSLOT:
	case DL_OP_NCAPS:
	case DL_OP_NCAPSN:
	case DL_OP_NCAPM:
		/* A fault comes here past everything since the slot before. */
		memset(b->known, 0, sizeof(b->known));
		return;
	case DL_OP_NOP:
	case DL_OP_NREC:
	case DL_OP_END: return;
	default: break;
	}
	if (i->a >= NEAR_REGS)
		return;
	b->known[i->a] = pc >= b->reach && (i->op == DL_OP_LDI || i->op == DL_OP_LDK);
	if (i->op == DL_OP_LDI)
		b->value[i->a] = (uint64_t)(int64_t)i->imm;
	else if (i->op == DL_OP_LDK)
		b->value[i->a] = b->code->consts[i->imm];
}

size_t dl_near_bound(const struct dl_code *code, unsigned n_slots, uint32_t strsize)
{
	struct bound b = { .code = code, .strsize = strsize };
	uint64_t size = sizeof(struct dl_record) + 8 * (uint64_t)n_slots;

	for (uint32_t pc = 0; pc < code->n; pc++) {
		const struct dl_insn *i = &code->insns[pc];

		size += capture(&b, i);
		follow(&b, pc, i);
	}
	return size;
}

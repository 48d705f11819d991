/*
 * Arguments of static probes: operands of their notes to machine code.
 *
 * What is done to a value is what usdt_arg_value() of the tracer does at a stop:
 * the low bytes of a register, of a constant or of memory, extended as the type
 * says.  rax is scratch, and so is the destination until the value is there.
 */
#include "near.h"

#include <sys/user.h>

#define WORD(field) (offsetof(struct user_regs_struct, field) / sizeof(uint64_t))

/* ORDER: numbers of registers in instructions */
static const uint8_t words[16] = {
	WORD(rax), WORD(rcx), WORD(rdx), WORD(rbx), WORD(rsp), WORD(rbp), WORD(rsi), WORD(rdi),
	WORD(r8),  WORD(r9),  WORD(r10), WORD(r11), WORD(r12), WORD(r13), WORD(r14), WORD(r15),
};

/* The register of a word of struct arch_regs; -1: none. */
static int register_of(int word)
{
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i] == word)
			return (int)i;
	return -1;
}

static bool fits(int64_t v)
{
	return v == (int32_t)v;
}

const char *arch_place_refuse(const struct arch_place *p)
{
	const struct arch_operand *op = &p->op;
	static const char why[] = "an argument is where a trampoline does not look";

	if (op->symbol || !p->size || p->size > 8 || (p->size & (p->size - 1)))
		return why;
	switch (op->kind) {
	case ARCH_OP_CONST: return NULL;
	case ARCH_OP_REG: return register_of(op->base) < 0 && op->base != WORD(rip) ? why : NULL;
	case ARCH_OP_VECTOR: return op->base < 0 || op->base > 15 ? why : NULL;
	case ARCH_OP_MEM:
		if ((op->base >= 0 && register_of(op->base) < 0) ||
		    (op->index >= 0 && register_of(op->index) < 0) ||
		    op->extend != ARCH_EXTEND_NONE)
			return why;
		return op->index < 0 || fits(op->value) ? NULL : why;
	}
	return why;
}

bool x64_place_may_fault(const struct arch_place *p)
{
	return p->op.kind == ARCH_OP_MEM;
}

static void extend(struct x64_asm *e, const struct arch_place *p, unsigned dst)
{
	unsigned unused = 64 - p->size * 8u;

	if (!unused)
		return;
	emit_group(e, 0xc1, 4, dst); /* shl */
	emit_byte(e, unused);
	emit_group(e, 0xc1, p->is_signed ? 7 : 5, dst); /* sar, shr */
	emit_byte(e, unused);
}

/* lea disp(base, index, scale), dst; base -1: none */
static void emit_lea(struct x64_asm *e, unsigned dst, int base, unsigned index, unsigned scale,
		     int32_t disp)
{
	unsigned b = base < 0 ? RBP : (unsigned)base;
	unsigned log = scale == 8 ? 3 : scale == 4 ? 2 : scale == 2 ? 1 : 0;

	emit_byte(e, 0x48 | (dst & 8) >> 1 | (index & 8) >> 2 | (base < 0 ? 0 : (b & 8) >> 3));
	EMIT(e, OP_LEA, (base < 0 ? 0x04 : 0x84) | (dst & 7) << 3,
	     log << 6 | (index & 7) << 3 | (b & 7));
	emit32(e, (uint32_t)disp);
}

/* rax = the address, but for what is returned. */
static int32_t emit_address(struct x64_gen *g, const struct arch_operand *op, unsigned dst)
{
	struct x64_asm *e = &g->e;
	int base = register_of(op->base), index = register_of(op->index);

	if (index >= 0) {
		/* The address may be the destination's old value's: it is saved, if so. */
		x64_take_emit(g, dst, (unsigned)index);
		if (base >= 0)
			x64_take_emit(g, RAX, (unsigned)base);
		emit_lea(e, RAX, base >= 0 ? RAX : -1, dst, op->scale, (int32_t)op->value);
		return 0;
	}
	if (base < 0) {
		emit_const(e, RAX, (uint64_t)op->value);
		return 0;
	}
	x64_take_emit(g, RAX, (unsigned)base);
	if (fits(op->value))
		return (int32_t)op->value;
	emit_const(e, dst, (uint64_t)op->value);
	emit_rr(e, OP_ADD, RAX, dst);
	return 0;
}

void x64_place_emit(struct x64_gen *g, const struct arch_place *p, uint64_t pc, unsigned dst,
		    uint32_t fault)
{
	struct x64_asm *e = &g->e;
	const struct arch_operand *op = &p->op;
	int32_t disp;

	switch (op->kind) {
	case ARCH_OP_CONST: emit_const(e, dst, near_place_const(p)); return;
	case ARCH_OP_MEM:
		disp = emit_address(g, op, dst);
		x64_fixup(g, fault);
		x64_word_emit(e, dst, RAX, disp, p->size | (p->is_signed ? NLD_SIGNED : 0));
		return;
	case ARCH_OP_VECTOR: /* movq %xmm, dst */
		emit_byte(e, 0x66);
		emit_rex(e, 1, (unsigned)op->base, dst);
		EMIT(e, 0x0f, 0x7e, 0xc0 | ((unsigned)op->base & 7) << 3 | (dst & 7));
		break;
	case ARCH_OP_REG:
		if (op->base == WORD(rip))
			emit_const(e, dst, pc);
		else
			x64_take_emit(g, dst, (unsigned)register_of(op->base));
		if (op->shift) {
			emit_group(e, 0xc1, 5, dst);
			emit_byte(e, op->shift);
		}
		break;
	}
	extend(e, p, dst);
}

/*
 * Arguments of static probes: operands of their notes to machine code.
 *
 * What is done to a value is what usdt_arg_value() of the tracer does at a stop:
 * the low bytes of a register, of a constant or of memory, extended as the type
 * says.  x0 is scratch, and so is the destination until the value is there.
 * Of registers that the block has saved the frame has the program's values.
 */
#include "near.h"

#define SHIFT_MAX 4

static bool is_register(int word)
{
	return word >= 0 && word <= A64_WORD_SP;
}

const char *arch_place_refuse(const struct arch_place *p)
{
	const struct arch_operand *op = &p->op;
	static const char why[] = "an argument is where a trampoline does not look";

	if (op->symbol || !p->size || p->size > 8 || (p->size & (p->size - 1)))
		return why;
	switch (op->kind) {
	case ARCH_OP_CONST: return NULL;
	case ARCH_OP_REG: return is_register(op->base) || op->base == A64_WORD_PC ? NULL : why;
	case ARCH_OP_VECTOR: return op->base < 0 || op->base > 31 ? why : NULL;
	case ARCH_OP_MEM:
		if ((op->base >= 0 && !is_register(op->base)) ||
		    (op->index >= 0 && !is_register(op->index)))
			return why;
		return op->index < 0 || (op->scale && op->scale <= 1u << SHIFT_MAX &&
					 !(op->scale & (op->scale - 1))) ?
			       NULL :
			       why;
	}
	return why;
}

bool a64_place_may_fault(const struct arch_place *p)
{
	return p->op.kind == ARCH_OP_MEM;
}

/* dst = the program's register, or its stack pointer. */
static void emit_register(struct a64_gen *g, unsigned dst, int word)
{
	if (word == A64_WORD_SP)
		emit_addi(&g->e, dst, SP, g->now.depth);
	else
		a64_take_emit(g, dst, (unsigned)word);
}

/* x0 = the address. */
static void emit_address(struct a64_gen *g, const struct arch_operand *op, unsigned dst)
{
	static const uint8_t how[] = {
		[ARCH_EXTEND_NONE] = EXTEND_UXTX,
		[ARCH_EXTEND_ZERO] = EXTEND_UXTW,
		[ARCH_EXTEND_SIGNED] = EXTEND_SXTW,
	};
	struct a64_asm *e = &g->e;

	if (op->base >= 0)
		emit_register(g, X(0), op->base);
	else
		emit_const(e, X(0), 0);
	if (op->index >= 0) {
		emit_register(g, dst, op->index);
		emit_add_extended(e, X(0), X(0), dst, how[op->extend],
				  (unsigned)__builtin_ctz(op->scale));
	}
	if (op->value > -4096 && op->value < 4096) {
		if (op->value)
			emit_addi(e, X(0), X(0), (int)op->value);
		return;
	}
	emit_const(e, dst, (uint64_t)op->value);
	emit_rrr(e, OP_ADD, X(0), X(0), dst);
}

void a64_place_emit(struct a64_gen *g, const struct arch_place *p, uint64_t pc, unsigned dst,
		    uint32_t fault)
{
	struct a64_asm *e = &g->e;
	const struct arch_operand *op = &p->op;

	switch (op->kind) {
	case ARCH_OP_CONST: emit_const(e, dst, near_place_const(p)); return;
	case ARCH_OP_MEM:
		emit_address(g, op, dst);
		a64_fixup(g, fault);
		emit_mem(e, a64_load_of(p->size | (p->is_signed ? NLD_SIGNED : 0)), dst, X(0), 0);
		return;
	case ARCH_OP_VECTOR: emit_from_vector(e, dst, (unsigned)op->base); break;
	case ARCH_OP_REG:
		if (op->base == A64_WORD_PC)
			emit_const(e, dst, pc);
		else
			emit_register(g, dst, op->base);
		if (op->shift)
			emit_lsr(e, dst, dst, op->shift);
		break;
	}
	if (p->size < 8)
		emit_extend(e, p->is_signed, dst, dst, p->size * 8u);
}

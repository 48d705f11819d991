/*
 * Doing an instruction's work on a register set instead of running it.
 *
 * Saves a trip through the out-of-line copy for the instructions that often
 * stand first in a function.  Rules: no memory is read or written; registers
 * and flags come out exactly as the processor leaves them (AF, undefined after
 * logic, is cleared as all processors we know do); whatever is not listed here
 * is refused and runs in its slot.  tests/unit/test_emulate.c compares each
 * with the real thing.
 */
#include "decode.h"

#include <sys/user.h>

#define WORD(field) (offsetof(struct user_regs_struct, field) / sizeof(uint64_t))

enum {
	CF = 1 << 0,
	PF = 1 << 2,
	AF = 1 << 4,
	ZF = 1 << 6,
	SF = 1 << 7,
	TF = 1 << 8,
	OF = 1 << 11,
	ARITH = CF | PF | AF | ZF | SF | OF,
};

/* Register numbers of instructions -> words of struct arch_regs. */
static const uint8_t word_of[16] = {
	WORD(rax), WORD(rcx), WORD(rdx), WORD(rbx), WORD(rsp), WORD(rbp), WORD(rsi), WORD(rdi),
	WORD(r8),  WORD(r9),  WORD(r10), WORD(r11), WORD(r12), WORD(r13), WORD(r14), WORD(r15),
};

struct emu {
	const uint8_t *code;
	const struct x64_insn *x;
	struct arch_regs *r;
	unsigned bits; /* operand size: 32 or 64 */
};

static uint64_t reg_get(const struct emu *e, unsigned n)
{
	uint64_t v = e->r->w[word_of[n]];

	return e->bits == 64 ? v : (uint32_t)v;
}

/* A 32-bit result clears the upper half. */
static void reg_set(struct emu *e, unsigned n, uint64_t v)
{
	e->r->w[word_of[n]] = e->bits == 64 ? v : (uint32_t)v;
}

static uint64_t immediate(const struct emu *e)
{
	return (uint64_t)x64_number(e->code + e->x->imm_off, e->x->imm_len);
}

/* ------------------------------------------------------------ branches -- */

static bool condition(uint64_t f, unsigned cc)
{
	bool less = !(f & SF) != !(f & OF), v;

	switch (cc >> 1) {
	case 0: v = f & OF; break;
	case 1: v = f & CF; break;
	case 2: v = f & ZF; break;
	case 3: v = f & (CF | ZF); break;
	case 4: v = f & SF; break;
	case 5: v = f & PF; break;
	case 6: v = less; break;
	default: v = less || f & ZF; break;
	}
	return v != (cc & 1);
}

/* loopne, loope, loop, jrcxz; 67 makes the counter ecx. */
static bool counted(struct emu *e)
{
	uint64_t *rcx = &e->r->w[WORD(rcx)], flags = e->r->w[WORD(eflags)], n = *rcx;
	bool narrow = e->x->prefixes & X64_P67;

	if (e->x->op != 0xe3)
		n--;
	if (narrow)
		n = (uint32_t)n;
	if (e->x->op == 0xe3)
		return n == 0;
	*rcx = n;
	if (e->x->op == 0xe2 || n == 0)
		return n != 0;
	return e->x->op == 0xe1 ? flags & ZF : !(flags & ZF);
}

static bool emulate_branch(struct emu *e, const struct arch_insn *insn, uint64_t next)
{
	const struct x64_insn *x = e->x;
	bool taken = true;

	/* Processors differ on 66; lock faults. */
	if (x->prefixes & (X64_P66 | X64_PLOCK))
		return false;
	switch (insn->flow) {
	case ARCH_FLOW_JUMP: arch_set_pc(e->r, insn->target); return true;
	case ARCH_FLOW_COND:
		if (x->map == 0 && x->op == 0xc7) /* xbegin */
			return false;
		if (x->map == 0 && x->op >= 0xe0)
			taken = counted(e);
		else
			taken = condition(e->r->w[WORD(eflags)], x->op & 15);
		arch_set_pc(e->r, taken ? insn->target : next);
		return true;
	case ARCH_FLOW_IJUMP:
		if (x64_mod(x) != 3)
			return false;
		arch_set_pc(e->r, e->r->w[word_of[x64_rm(x)]]);
		return true;
	default: return false;
	}
}

/* ---------------------------------------------------------- arithmetic -- */

enum alu { /* ORDER: the /digit of opcodes 81 and 83, bits 3-5 of 00-3f */
	   ADD,
	   OR,
	   ADC,
	   SBB,
	   AND,
	   SUB,
	   XOR,
	   CMP,
};

static uint64_t flags_of(uint64_t result, unsigned bits)
{
	uint64_t f = 0;

	if (!(result << (64 - bits)))
		f |= ZF;
	if (result >> (bits - 1) & 1)
		f |= SF;
	if (!__builtin_parity(result & 0xff))
		f |= PF;
	return f;
}

/* a op b for values already cut to the operand size; *flags: the six of ARITH. */
static uint64_t alu(enum alu op, uint64_t a, uint64_t b, unsigned bits, uint64_t *flags)
{
	uint64_t mask = bits == 64 ? ~0ULL : 0xffffffff, top = 1ULL << (bits - 1), r, f = 0;

	switch (op) {
	case ADD:
		r = (a + b) & mask;
		f |= (r < a ? CF : 0) | ((a ^ r) & (b ^ r) & top ? OF : 0);
		f |= (a ^ b ^ r) & AF;
		break;
	case SUB:
	case CMP:
		r = (a - b) & mask;
		f |= (a < b ? CF : 0) | ((a ^ b) & (a ^ r) & top ? OF : 0);
		f |= (a ^ b ^ r) & AF;
		break;
	case AND: r = a & b; break;
	case OR: r = a | b; break;
	default: r = a ^ b; break;
	}
	*flags = f | flags_of(r, bits);
	return r;
}

static bool emulate_alu(struct emu *e, enum alu op, unsigned dst, uint64_t b)
{
	uint64_t flags, r, *eflags = &e->r->w[WORD(eflags)];

	if (op == ADC || op == SBB)
		return false;
	r = alu(op, reg_get(e, dst), e->bits == 64 ? b : (uint32_t)b, e->bits, &flags);
	*eflags = (*eflags & ~(uint64_t)ARITH) | flags;
	if (op != CMP)
		reg_set(e, dst, r);
	return true;
}

/* test: and that keeps only the flags. */
static bool emulate_test(struct emu *e, unsigned a, uint64_t b)
{
	uint64_t flags, *eflags = &e->r->w[WORD(eflags)];

	(void)alu(AND, reg_get(e, a), e->bits == 64 ? b : (uint32_t)b, e->bits, &flags);
	*eflags = (*eflags & ~(uint64_t)ARITH) | flags;
	return true;
}

/* ----------------------------------------------------------------- lea -- */

static bool emulate_lea(struct emu *e, uint64_t next)
{
	const struct x64_insn *x = e->x;
	const uint64_t *w = e->r->w;
	uint64_t at = (uint64_t)x64_number(e->code + x->disp_off, x->disp_len);

	if (x->riprel) {
		at += next;
	} else if ((x->modrm & 7) != 4) {
		at += w[word_of[x64_rm(x)]];
	} else {
		unsigned sib = e->code[x->modrm_off + 1];
		unsigned index = (sib >> 3 & 7) | (x->rex & X64_REX_X ? 8 : 0);
		unsigned base = (sib & 7) | (x->rex & X64_REX_B ? 8 : 0);

		if (index != 4)
			at += w[word_of[index]] << (sib >> 6);
		if (!((sib & 7) == 5 && x64_mod(x) == 0))
			at += w[word_of[base]];
	}
	if (x->prefixes & X64_P67)
		at = (uint32_t)at;
	reg_set(e, x64_reg(x), at);
	return true;
}

/* ---------------------------------------------------------------- main -- */

/* The two-operand forms of 00-3f on whole registers: op r/m, r and op r, r/m. */
static bool emulate_alu_row(struct emu *e)
{
	const struct x64_insn *x = e->x;
	enum alu op = x->op >> 3;

	switch (x->op & 7) {
	case 1: return x64_mod(x) == 3 && emulate_alu(e, op, x64_rm(x), reg_get(e, x64_reg(x)));
	case 3: return x64_mod(x) == 3 && emulate_alu(e, op, x64_reg(x), reg_get(e, x64_rm(x)));
	case 5: return emulate_alu(e, op, 0, immediate(e));
	default: return false;
	}
}

static bool emulate_one(struct emu *e, uint64_t next)
{
	const struct x64_insn *x = e->x;
	bool reg = x->has_modrm && x64_mod(x) == 3;

	if (x->op < 0x40)
		return emulate_alu_row(e);
	switch (x->op) {
	case 0x81:
	case 0x83: return reg && emulate_alu(e, x64_ext(x), x64_rm(x), immediate(e));
	case 0x85: return reg && emulate_test(e, x64_rm(x), reg_get(e, x64_reg(x)));
	case 0xa9: return emulate_test(e, 0, immediate(e));
	case 0xf7: return reg && x64_ext(x) == 0 && emulate_test(e, x64_rm(x), immediate(e));
	case 0x89:
		if (reg)
			reg_set(e, x64_rm(x), reg_get(e, x64_reg(x)));
		return reg;
	case 0x8b:
		if (reg)
			reg_set(e, x64_reg(x), reg_get(e, x64_rm(x)));
		return reg;
	case 0xb8 ... 0xbf:
		reg_set(e, (x->op & 7) | (x->rex & X64_REX_B ? 8 : 0), immediate(e));
		return true;
	case 0xc7:
		if (reg && x64_ext(x) == 0)
			reg_set(e, x64_rm(x), immediate(e));
		return reg && x64_ext(x) == 0;
	case 0x8d: return emulate_lea(e, next);
	default: return false;
	}
}

bool arch_emulate(const uint8_t *code, size_t avail, uint64_t pc, struct arch_regs *r)
{
	struct x64_insn x;
	struct arch_insn insn;
	struct emu e = { .code = code, .x = &x, .r = r };
	uint64_t next;

	/* Under TF the instruction must trap after itself: let it run. */
	if (r->w[WORD(eflags)] & TF || !x64_decode(code, avail, &x))
		return false;
	x64_describe(code, &x, pc, &insn);
	next = pc + x.len;
	if (insn.is_nop) {
		arch_set_pc(r, next);
		return true;
	}
	if (insn.flow != ARCH_FLOW_NEXT)
		return emulate_branch(&e, &insn, next);
	if (x.form != X64_LEGACY || x.map != 0 ||
	    x.prefixes & (X64_P66 | X64_PF2 | X64_PF3 | X64_PLOCK))
		return false;
	e.bits = x.rex & X64_REX_W ? 64 : 32;
	if (!emulate_one(&e, next))
		return false;
	arch_set_pc(r, next);
	return true;
}

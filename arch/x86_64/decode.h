/*
 * The layout of one instruction, as our own tables see it: where each of its
 * parts is.  Private to arch/x86_64/.
 *
 *	[prefixes] [REX | VEX | EVEX | XOP] [escapes] opcode [modrm [sib] [disp]] [imm]
 */
#ifndef ARCH_X86_64_DECODE_H
#define ARCH_X86_64_DECODE_H

#include "../arch.h"

enum x64_form {
	X64_LEGACY,
	X64_VEX,
	X64_EVEX,
	X64_XOP,
};

/* Legacy prefixes, as a set. */
enum x64_prefix {
	X64_P66 = 1 << 0, /* operand size */
	X64_P67 = 1 << 1, /* address size */
	X64_PF2 = 1 << 2, /* repne, bnd, mandatory prefix */
	X64_PF3 = 1 << 3, /* rep, mandatory prefix */
	X64_PLOCK = 1 << 4,
	X64_P3E = 1 << 5, /* ds: taken hint, notrack */
	X64_PSEG = 1 << 6, /* cs, es, ss: no effect in 64-bit mode */
	X64_PFS = 1 << 7, /* fs, gs */
};

#define X64_REX_W 8
#define X64_REX_R 4
#define X64_REX_X 2
#define X64_REX_B 1

/* Opcode maps: 0 = one byte, 1 = 0f, 2 = 0f38, 3 = 0f3a; higher ones EVEX, XOP. */
struct x64_insn {
	uint8_t len;
	uint8_t form; /* enum x64_form */
	uint8_t map;
	uint8_t op; /* opcode byte, without its escapes */
	uint8_t op_off; /* where the opcode byte is */
	uint8_t prefixes; /* set of enum x64_prefix */
	uint8_t rex; /* of a legacy instruction; W R X B also of VEX, EVEX */
	bool has_modrm;
	bool riprel; /* the memory operand is [rip + disp32] */
	uint8_t modrm;
	uint8_t modrm_off;
	uint8_t disp_off, disp_len;
	uint8_t imm_off, imm_len; /* an immediate or a branch displacement */
};

static inline unsigned x64_mod(const struct x64_insn *x)
{
	return x->modrm >> 6;
}

/* The reg field without its REX bit: the operation, in opcode groups. */
static inline unsigned x64_ext(const struct x64_insn *x)
{
	return x->modrm >> 3 & 7;
}

/* Register numbers, REX bits included. */
static inline unsigned x64_reg(const struct x64_insn *x)
{
	return x64_ext(x) | (x->rex & X64_REX_R ? 8 : 0);
}

static inline unsigned x64_rm(const struct x64_insn *x)
{
	return (x->modrm & 7) | (x->rex & X64_REX_B ? 8 : 0);
}

/* A legacy instruction with this one-byte opcode? */
static inline bool x64_is(const struct x64_insn *x, unsigned op)
{
	return x->form == X64_LEGACY && x->map == 0 && x->op == op;
}

/* Little-endian signed number of 1, 2, 4 or 8 bytes; 0 of none. */
int64_t x64_number(const uint8_t *p, unsigned len);

/* Lays out the instruction at code; false: unknown, or cut off by avail. */
bool x64_decode(const uint8_t *code, size_t avail, struct x64_insn *x);
/* What it does to the program counter, in the terms of arch.h. */
void x64_describe(const uint8_t *code, const struct x64_insn *x, uint64_t pc,
		  struct arch_insn *ret);

#endif

/*
 * A small assembler: just the instructions that trampolines are made of.
 * Private to arch/aarch64/.
 *
 * Code grows in memory of its own; labels are numbers, their uses are filled in
 * at the end.  Nothing here fails: out of memory is remembered and asked for once.
 */
#ifndef ARCH_AARCH64_EMIT_H
#define ARCH_AARCH64_EMIT_H

#include <string.h>

#include "../../dlang/vec.h"
#include "../record.h"
#include "decode.h"

#define X(n) ((unsigned)(n))
#define XZR 31u
#define SP A64_SP

/* ORDER: condition codes */
enum a64_cc {
	CC_EQ,
	CC_NE,
	CC_HS,
	CC_LO,
	CC_MI,
	CC_PL,
	CC_VS,
	CC_VC,
	CC_HI,
	CC_LS,
	CC_GE,
	CC_LT,
	CC_GT,
	CC_LE
};

/* Operations of two registers: destination, first and second operand. */
enum a64_op {
	OP_ADD = (int)0x8b000000,
	OP_SUB = (int)0xcb000000,
	OP_SUBS = (int)0xeb000000,
	OP_AND = (int)0x8a000000,
	OP_BIC = (int)0x8a200000,
	OP_ORR = (int)0xaa000000,
	OP_ORN = (int)0xaa200000,
	OP_EOR = (int)0xca000000,
	OP_LSL = (int)0x9ac02000,
	OP_LSR = (int)0x9ac02400,
	OP_ASR = (int)0x9ac02800,
	OP_MUL = (int)0x9b007c00,
	OP_UDIVW = 0x1ac00800,
	OP_UDIV = 0x9ac00800,
	OP_SDIV = 0x9ac00c00,
	OP_SMULH = 0x9b407c00,
};

/* Loads and stores with an offset that is a multiple of their size. */
enum a64_mem {
	LDRB = 0x39400000,
	LDRH = 0x79400000,
	LDRW = (int)0xb9400000,
	LDRX = (int)0xf9400000,
	LDRSB = 0x39800000,
	LDRSH = 0x79800000,
	LDRSW = (int)0xb9800000,
	STRB = 0x39000000,
	STRW = (int)0xb9000000,
	STRX = (int)0xf9000000,
};

/* Two words at an offset. */
enum a64_pair {
	STP = (int)0xa9000000,
	STP_PRE = (int)0xa9800000,
	STP_POST = (int)0xa8800000,
	LDP = (int)0xa9400000,
	LDP_POST = (int)0xa8c00000,
};

/* Registers of the system: which of mrs and msr, too. */
enum a64_sys {
	MRS_NZCV = (int)0xd53b4200,
	MSR_NZCV = (int)0xd51b4200,
	MRS_TPIDR = (int)0xd53bd040,
	MRS_CNTVCT = (int)0xd53be040,
};

#define INS_ADR 0x10000000u
#define INS_BR 0xd61f0000u /* br x0 */
#define INS_BRK 0xd4200000u
#define INS_DMB_ISHLD 0xd50339bfu
#define INS_ISB 0xd5033fdfu
#define INS_NOP 0xd503201fu
#define INS_POP 0xf84107e0u /* ldr x0, [sp], #16 */
#define INS_PUSH 0xf81f0fe0u /* str x0, [sp, #-16]! */
#define INS_RET 0xd65f03c0u
#define INS_SVC 0xd4000001u
#define INS_XPACLRI 0xd50320ffu /* x30 without its signature; a nop where there are none */

/* No trampoline is larger: a conditional branch reaches all of it. */
#define EMIT_MAX (1u << 20)

struct a64_use {
	uint32_t at, label; /* the branch at `at` leads to the label */
};

struct a64_asm {
	VEC(uint32_t) code;
	VEC(uint32_t) labels; /* offsets; UINT32_MAX: not placed yet */
	VEC(struct a64_use) uses;
	bool failed;
};

static inline uint32_t emit_here(const struct a64_asm *e)
{
	return 4 * (uint32_t)e->code.n;
}

static inline void emit(struct a64_asm *e, uint32_t w)
{
	if (e->code.n >= EMIT_MAX / 4 || !vec_push(&e->code, w))
		e->failed = true;
}

/* -------------------------------------------------------------- labels -- */

static inline uint32_t emit_label(struct a64_asm *e)
{
	if (!vec_push(&e->labels, UINT32_MAX)) {
		e->failed = true;
		return 0;
	}
	return (uint32_t)e->labels.n - 1;
}

static inline void emit_place(struct a64_asm *e, uint32_t label)
{
	if (!e->failed)
		e->labels.items[label] = emit_here(e);
}

/* A branch: its distance is filled in at the end. */
static inline void emit_to(struct a64_asm *e, uint32_t w, uint32_t label)
{
	struct a64_use use = { emit_here(e), label };

	if (!vec_push(&e->uses, use))
		e->failed = true;
	emit(e, w);
}

static inline void emit_b(struct a64_asm *e, uint32_t label)
{
	emit_to(e, 0x14000000, label);
}

static inline void emit_bcc(struct a64_asm *e, enum a64_cc cc, uint32_t label)
{
	emit_to(e, 0x54000000 | cc, label);
}

static inline void emit_cbz(struct a64_asm *e, unsigned reg, uint32_t label)
{
	emit_to(e, 0xb4000000 | reg, label);
}

static inline void emit_cbnz(struct a64_asm *e, unsigned reg, uint32_t label)
{
	emit_to(e, 0xb5000000 | reg, label);
}

/* Fills in the uses; false: out of memory, or a label that was never placed. */
static inline bool emit_finish(struct a64_asm *e)
{
	for (size_t i = 0; i < e->uses.n && !e->failed; i++) {
		const struct a64_use *u = &e->uses.items[i];
		uint32_t *w = &e->code.items[u->at / 4];
		uint32_t rel = (e->labels.items[u->label] - u->at) >> 2;

		if (e->labels.items[u->label] == UINT32_MAX)
			e->failed = true;
		if (*w >> 26 == 5) /* b */
			*w |= rel & 0x3ffffff;
		else
			*w |= (rel & 0x7ffff) << 5;
	}
	return !e->failed;
}

static inline void emit_deinit(struct a64_asm *e)
{
	vec_deinit(&e->code);
	vec_deinit(&e->labels);
	vec_deinit(&e->uses);
}

/* -------------------------------------------------------- instructions -- */

static inline void emit_rrr(struct a64_asm *e, enum a64_op op, unsigned d, unsigned n, unsigned m)
{
	emit(e, (uint32_t)op | m << 16 | n << 5 | d);
}

/* The same with the second operand shifted left; add, orr and their kin. */
static inline void emit_shifted(struct a64_asm *e, enum a64_op op, unsigned d, unsigned n,
				unsigned m, unsigned shift)
{
	emit(e, (uint32_t)op | m << 16 | shift << 10 | n << 5 | d);
}

static inline void emit_mov(struct a64_asm *e, unsigned d, unsigned s)
{
	if (d != s)
		emit_rrr(e, OP_ORR, d, XZR, s);
}

static inline void emit_cmp(struct a64_asm *e, unsigned n, unsigned m)
{
	emit_rrr(e, OP_SUBS, XZR, n, m);
}

#define EMIT_ADD_MAX 4095
/* d = n + v, -4095 <= v <= 4095; of sp too. */
static inline void emit_addi(struct a64_asm *e, unsigned d, unsigned n, int v)
{
	if (v < 0)
		emit(e, 0xd1000000 | (unsigned)-v << 10 | n << 5 | d);
	else
		emit(e, 0x91000000 | (unsigned)v << 10 | n << 5 | d);
}

/* d = v, the shortest way. */
static inline void emit_const(struct a64_asm *e, unsigned d, uint64_t v)
{
	unsigned zeros = 0, ones = 0;
	uint32_t first, skip;
	bool is_first = true;

	for (unsigned i = 0; i < 4; i++) {
		zeros += (v >> 16 * i & 0xffff) == 0;
		ones += (v >> 16 * i & 0xffff) == 0xffff;
	}
	first = ones > zeros ? 0x92800000 : 0xd2800000; /* movn, movz */
	skip = ones > zeros ? 0xffff : 0;
	for (unsigned i = 0; i < 4; i++) {
		uint32_t part = v >> 16 * i & 0xffff;

		if (part == skip)
			continue;
		if (is_first)
			emit(e, first | i << 21 | (part ^ skip) << 5 | d);
		else
			emit(e, 0xf2800000 | i << 21 | part << 5 | d); /* movk */
		is_first = false;
	}
	if (is_first)
		emit(e, first | d);
}

/* d = n + v; d and n differ where v is large. */
static inline void emit_add(struct a64_asm *e, unsigned d, unsigned n, int64_t v)
{
	if (v > -4096 && v < 4096) {
		emit_addi(e, d, n, (int)v);
		return;
	}
	emit_const(e, d, (uint64_t)v);
	emit_rrr(e, OP_ADD, d, d, n);
}

static inline void emit_mem(struct a64_asm *e, enum a64_mem op, unsigned t, unsigned n,
			    uint32_t off)
{
	uint32_t size = (uint32_t)op >> 30;

	emit(e, (uint32_t)op | off >> size << 10 | n << 5 | t);
}

static inline void emit_pair(struct a64_asm *e, enum a64_pair op, unsigned t, unsigned t2,
			     unsigned n, int off)
{
	emit(e, (uint32_t)op | ((unsigned)(off / 8) & 0x7f) << 15 | t2 << 10 | n << 5 | t);
}

static inline void emit_sys(struct a64_asm *e, enum a64_sys op, unsigned t)
{
	emit(e, (uint32_t)op | t);
}

/* d = n >> shift */
static inline void emit_lsr(struct a64_asm *e, unsigned d, unsigned n, unsigned shift)
{
	emit(e, 0xd340fc00 | shift << 16 | n << 5 | d);
}

/* d = the low bits of n, extended; 1 <= bits <= 63 */
static inline void emit_extend(struct a64_asm *e, bool is_signed, unsigned d, unsigned n,
			       unsigned bits)
{
	emit(e, (is_signed ? 0x93400000 : 0xd3400000) | (bits - 1) << 10 | n << 5 | d);
}

/* How the second operand of emit_add_extended() is read. */
enum a64_extend { EXTEND_UXTW = 2, EXTEND_UXTX = 3, EXTEND_SXTW = 6 };

/* d = n + (m, extended, << shift); shift <= 4; d and n are general registers */
static inline void emit_add_extended(struct a64_asm *e, unsigned d, unsigned n, unsigned m,
				     enum a64_extend how, unsigned shift)
{
	emit(e, 0x8b200000 | m << 16 | (uint32_t)how << 13 | shift << 10 | n << 5 | d);
}

/* d = the low half of vector register n */
static inline void emit_from_vector(struct a64_asm *e, unsigned d, unsigned n)
{
	emit(e, 0x9e660000 | n << 5 | d);
}

static inline void emit_clz(struct a64_asm *e, unsigned d, unsigned n)
{
	emit(e, 0xdac01000 | n << 5 | d);
}

static inline void emit_rbit(struct a64_asm *e, unsigned d, unsigned n)
{
	emit(e, 0xdac00000 | n << 5 | d);
}

/* d = cc ? n : m */
static inline void emit_csel(struct a64_asm *e, unsigned d, unsigned n, unsigned m, enum a64_cc cc)
{
	emit(e, 0x9a800000 | m << 16 | (uint32_t)cc << 12 | n << 5 | d);
}

/* d = cc ? 1 : 0 */
static inline void emit_cset(struct a64_asm *e, unsigned d, enum a64_cc cc)
{
	emit(e, 0x9a9f07e0 | ((uint32_t)cc ^ 1) << 12 | d);
}

static inline void emit_ldxr(struct a64_asm *e, unsigned t, unsigned n)
{
	emit(e, 0xc85f7c00 | n << 5 | t);
}

/* Releases, too. */
static inline void emit_stlxr(struct a64_asm *e, unsigned s, unsigned t, unsigned n)
{
	emit(e, 0xc800fc00 | s << 16 | n << 5 | t);
}

static inline void emit_ldar(struct a64_asm *e, unsigned t, unsigned n)
{
	emit(e, 0xc8dffc00 | n << 5 | t);
}

/* 32 bits */
static inline void emit_stlrw(struct a64_asm *e, unsigned t, unsigned n)
{
	emit(e, 0x889ffc00 | n << 5 | t);
}

/*
 * The end of a compare-and-exchange that began at label `again` with
 * ldxr old, [at]: stores v, or begins again.
 *
 * A thread that is stepped loses its reservation at every step and would go
 * round for ever.  So it stores plainly after some tries (the register counts
 * them, EXCLUSIVE_TRIES at first): who steps it lets nothing come in between.
 */
#define EXCLUSIVE_TRIES 4
static inline void emit_exchange(struct a64_asm *e, unsigned v, unsigned at, unsigned status,
				 unsigned tries, uint32_t again)
{
	uint32_t done = emit_label(e);

	emit_stlxr(e, status, v, at);
	emit_to(e, 0x34000000 | status, done); /* cbz w */
	emit_addi(e, tries, tries, -1);
	emit_cbnz(e, tries, again);
	emit_mem(e, STRX, v, at, 0);
	emit_place(e, done);
}

#endif

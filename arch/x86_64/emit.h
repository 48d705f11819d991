/*
 * A small assembler: just the instructions that trampolines are made of.
 * Private to arch/x86_64/.
 *
 * Code grows in memory of its own; labels are numbers, their uses are filled in
 * at the end.  Nothing here fails: out of memory is remembered and asked for once.
 */
#ifndef ARCH_X86_64_EMIT_H
#define ARCH_X86_64_EMIT_H

#include <string.h>

#include "../../dlang/vec.h"
#include "../record.h"

/* ORDER: numbers in instructions */
enum x64_reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* ORDER: condition codes */
enum x64_cc {
	CC_B = 2,
	CC_AE = 3,
	CC_E = 4,
	CC_NE = 5,
	CC_BE = 6,
	CC_A = 7,
	CC_S = 8,
	CC_NS = 9,
	CC_L = 12,
	CC_GE = 13,
	CC_LE = 14,
	CC_G = 15
};

/* Operations of two registers: the opcode with the register or memory as source. */
enum x64_op {
	OP_ADD = 0x03,
	OP_OR = 0x0b,
	OP_AND = 0x23,
	OP_SUB = 0x2b,
	OP_XOR = 0x33,
	OP_CMP = 0x3b,
	OP_TEST = 0x85,
	OP_MOV = 0x8b,
	OP_LEA = 0x8d
};

#define EMIT_MAX (1u << 20) /* no trampoline is larger */

struct x64_use {
	uint32_t at, label; /* the four bytes at `at` lead to the label */
};

struct x64_asm {
	VEC(uint8_t) code;
	VEC(uint32_t) labels; /* offsets; UINT32_MAX: not placed yet */
	VEC(struct x64_use) uses;
	bool failed;
};

static inline uint32_t emit_here(const struct x64_asm *e)
{
	return (uint32_t)e->code.n;
}

static inline void emit_bytes(struct x64_asm *e, const void *bytes, size_t n)
{
	if (e->failed || n == 0)
		return;
	if (e->code.n + n > EMIT_MAX || !vec_reserve(&e->code, e->code.n + n)) {
		e->failed = true;
		return;
	}
	memcpy(e->code.items + e->code.n, bytes, n);
	e->code.n += n;
}

static inline void emit_byte(struct x64_asm *e, unsigned b)
{
	uint8_t byte = (uint8_t)b;

	emit_bytes(e, &byte, 1);
}

static inline void emit32(struct x64_asm *e, uint32_t v)
{
	emit_bytes(e, &v, sizeof(v));
}

#define EMIT(e, ...)                                     \
	do {                                             \
		const uint8_t _code[] = { __VA_ARGS__ }; \
		emit_bytes(e, _code, sizeof(_code));     \
	} while (0)

/* -------------------------------------------------------------- labels -- */

static inline uint32_t emit_label(struct x64_asm *e)
{
	if (!vec_push(&e->labels, UINT32_MAX)) {
		e->failed = true;
		return 0;
	}
	return (uint32_t)e->labels.n - 1;
}

static inline void emit_place(struct x64_asm *e, uint32_t label)
{
	if (!e->failed)
		e->labels.items[label] = emit_here(e);
}

static inline void emit_use(struct x64_asm *e, uint32_t label)
{
	struct x64_use use = { emit_here(e), label };

	if (!vec_push(&e->uses, use))
		e->failed = true;
	emit32(e, 0);
}

static inline void emit_jmp(struct x64_asm *e, uint32_t label)
{
	emit_byte(e, 0xe9);
	emit_use(e, label);
}

static inline void emit_jcc(struct x64_asm *e, enum x64_cc cc, uint32_t label)
{
	EMIT(e, 0x0f, 0x80 | cc);
	emit_use(e, label);
}

/* Fills in the uses; false: out of memory, or a label that was never placed. */
static inline bool emit_finish(struct x64_asm *e)
{
	for (size_t i = 0; i < e->uses.n && !e->failed; i++) {
		const struct x64_use *u = &e->uses.items[i];
		uint32_t rel = e->labels.items[u->label] - (u->at + 4);

		if (e->labels.items[u->label] == UINT32_MAX)
			e->failed = true;
		memcpy(e->code.items + u->at, &rel, 4);
	}
	return !e->failed;
}

static inline void emit_deinit(struct x64_asm *e)
{
	vec_deinit(&e->code);
	vec_deinit(&e->labels);
	vec_deinit(&e->uses);
}

/* -------------------------------------------------------- instructions -- */

static inline void emit_rex(struct x64_asm *e, unsigned w, unsigned reg, unsigned rm)
{
	emit_byte(e, 0x40 | w << 3 | (reg & 8) >> 1 | (rm & 8) >> 3);
}

/* op dst, src; 64 bits. */
static inline void emit_rr(struct x64_asm *e, enum x64_op op, unsigned dst, unsigned src)
{
	emit_rex(e, 1, dst, src);
	EMIT(e, op, 0xc0 | (dst & 7) << 3 | (src & 7));
}

/* The modrm, sib and displacement of [base + disp]. */
static inline void emit_mem(struct x64_asm *e, unsigned reg, unsigned base, int32_t disp)
{
	bool short_disp = disp >= -128 && disp <= 127;
	unsigned mod = disp == 0 && (base & 7) != RBP ? 0 : short_disp ? 0x40 : 0x80;

	emit_byte(e, mod | (reg & 7) << 3 | (base & 7));
	if ((base & 7) == RSP)
		emit_byte(e, 0x24);
	if (mod == 0x40)
		emit_byte(e, (uint8_t)disp);
	else if (mod)
		emit32(e, (uint32_t)disp);
}

/* op reg, [base + disp]; 64 bits.  opcode may also be one that stores (0x89). */
static inline void emit_rm(struct x64_asm *e, unsigned opcode, unsigned reg, unsigned base,
			   int32_t disp)
{
	emit_rex(e, 1, reg, base);
	emit_byte(e, opcode);
	emit_mem(e, reg, base, disp);
}

static inline void emit_store(struct x64_asm *e, unsigned base, int32_t disp, unsigned src)
{
	emit_rm(e, 0x89, src, base, disp);
}

/* movl $v, [base + disp] */
static inline void emit_store32(struct x64_asm *e, unsigned base, int32_t disp, uint32_t v)
{
	if (base & 8)
		emit_rex(e, 0, 0, base);
	emit_byte(e, 0xc7);
	emit_mem(e, 0, base, disp);
	emit32(e, v);
}

/* movq $v, [base + disp], v sign-extended */
static inline void emit_store64(struct x64_asm *e, unsigned base, int32_t disp, int32_t v)
{
	emit_rex(e, 1, 0, base);
	emit_byte(e, 0xc7);
	emit_mem(e, 0, base, disp);
	emit32(e, (uint32_t)v);
}

/* op reg, %gs:disp; opcodes of two bytes are 0x0fxx. */
static inline void emit_gs(struct x64_asm *e, unsigned opcode, unsigned reg, uint32_t disp)
{
	emit_byte(e, 0x65);
	emit_rex(e, 1, reg, 0);
	if (opcode > 0xff)
		emit_byte(e, opcode >> 8);
	EMIT(e, opcode, (reg & 7) << 3 | 4, 0x25);
	emit32(e, disp);
}

/* dst = v, the shortest way; may change the flags. */
static inline void emit_const(struct x64_asm *e, unsigned dst, uint64_t v)
{
	if (v == 0) {
		if (dst & 8)
			emit_rex(e, 0, dst, dst);
		EMIT(e, 0x33, 0xc0 | (dst & 7) << 3 | (dst & 7));
	} else if (v <= UINT32_MAX) {
		if (dst & 8)
			emit_rex(e, 0, 0, dst);
		emit_byte(e, 0xb8 | (dst & 7));
		emit32(e, (uint32_t)v);
	} else if ((int64_t)v == (int32_t)v) {
		emit_rex(e, 1, 0, dst);
		EMIT(e, 0xc7, 0xc0 | (dst & 7));
		emit32(e, (uint32_t)v);
	} else {
		emit_rex(e, 1, 0, dst);
		emit_byte(e, 0xb8 | (dst & 7));
		emit_bytes(e, &v, sizeof(v));
	}
}

static inline void emit_push(struct x64_asm *e, unsigned reg)
{
	if (reg & 8)
		emit_byte(e, 0x41);
	emit_byte(e, 0x50 | (reg & 7));
}

static inline void emit_pop(struct x64_asm *e, unsigned reg)
{
	if (reg & 8)
		emit_byte(e, 0x41);
	emit_byte(e, 0x58 | (reg & 7));
}

/* One-operand group: f7 /2 not, /3 neg; c1 and d3: /4 shl, /5 shr, /7 sar. */
static inline void emit_group(struct x64_asm *e, unsigned opcode, unsigned ext, unsigned reg)
{
	emit_rex(e, 1, 0, reg);
	EMIT(e, opcode, 0xc0 | ext << 3 | (reg & 7));
}

#endif

/*
 * The instructions that matter to us by their place: what branches, what reads
 * the program counter, what must not be moved.  Private to arch/aarch64/.
 *
 * Names of fields and numbers are those of the Arm Architecture Reference
 * Manual, chapter C4 (A64 instruction set encoding).
 */
#ifndef ARCH_AARCH64_DECODE_H
#define ARCH_AARCH64_DECODE_H

#include "../arch.h"

enum a64_class {
	A64_UNKNOWN, /* not an instruction */
	A64_PLAIN, /* works the same anywhere */
	A64_NOP, /* does nothing: nop, bti, yield */
	A64_ADR,
	A64_ADRP,
	A64_LDR_LIT, /* ldr, ldrsw and prfm of a literal; of vector registers too */
	A64_B,
	A64_BL,
	A64_BCOND,
	A64_CBZ, /* cbz, cbnz */
	A64_TBZ, /* tbz, tbnz */
	A64_BR, /* br, braa, ... */
	A64_BLR,
	A64_RET,
	A64_SVC,
	A64_TRAP, /* brk, hlt, udf, hvc, smc, eret, ... */
	A64_EXCLUSIVE, /* ldxr, stxr and their kin */
	A64_MOPS, /* cpyp, cpym, cpye, setp, ... */
	A64_PREFIX, /* movprfx */
	A64_PC_AUTH, /* signs or checks with the program counter */
	A64_TSTART,
};

struct a64_insn {
	uint32_t w;
	uint8_t cls; /* enum a64_class */
	bool is_signed; /* br, blr, ret: with pointer authentication */
	int64_t disp; /* of a branch or literal, from the instruction; adrp: pages */
};

#define A64_LR 30
#define A64_SP 31 /* or xzr, as the instruction has it */

/* Words of struct arch_regs: x0 ... x30, and */
#define A64_WORD_SP 31
#define A64_WORD_PC 32
#define A64_WORD_PSTATE 33

#define A64_PSTATE_V (UINT64_C(1) << 28)
#define A64_PSTATE_C (UINT64_C(1) << 29)
#define A64_PSTATE_Z (UINT64_C(1) << 30)
#define A64_PSTATE_N (UINT64_C(1) << 31)
#define A64_PSTATE_NZCV (UINT64_C(0xf) << 28)
/* What the last branch was, which landing pads look at; 0 after anything else. */
#define A64_PSTATE_BTYPE (UINT64_C(3) << 10)
#define A64_BTYPE_JUMP (UINT64_C(1) << 10)
#define A64_BTYPE_CALL (UINT64_C(2) << 10)

/*
 * Registers in a signal's frame, struct rt_sigframe: 128 bytes of siginfo, then the
 * ucontext, whose sigcontext is 176 further on and begins with an address.
 */
#define A64_SIGFRAME_REGS (128 + 176 + 8)

static inline unsigned a64_rd(uint32_t w)
{
	return w & 31;
}

static inline unsigned a64_rn(uint32_t w)
{
	return w >> 5 & 31;
}

static inline unsigned a64_rm(uint32_t w)
{
	return w >> 16 & 31;
}

/* len bits of w from bit at on, as a signed number. */
static inline int64_t a64_signed(uint32_t w, unsigned at, unsigned len)
{
	return (int64_t)((uint64_t)w << (64 - at - len)) >> (64 - len);
}

/* false: fewer than four bytes, or not an instruction. */
bool a64_decode(const uint8_t *code, size_t avail, struct a64_insn *x);
/* What it does to the program counter, in the terms of arch.h. */
void a64_describe(const struct a64_insn *x, uint64_t pc, struct arch_insn *ret);

#endif

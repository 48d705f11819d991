/*
 * DWARF register numbers of aarch64 (DWARF for the Arm 64-bit Architecture,
 * 4.1): 0-30 are x0-x30, 31 is sp, 32 the program counter.
 *
 * The return-address column is 30, which holds it in every frame that made no
 * call yet.
 */
#include "decode.h"

#include <string.h>

const unsigned arch_dwarf_sp = 31, arch_dwarf_fp = 29;
const bool arch_fp_is_low = true;

int arch_dwarf_word(unsigned n)
{
	return n <= A64_WORD_PC ? (int)n : -1;
}

bool arch_dwarf_reg(const struct arch_regs *r, unsigned n, uint64_t *ret)
{
	if (n > A64_WORD_PC)
		return false;
	*ret = r->w[n];
	return true;
}

/*
 * A signed return address has its code in the bits that no address of a
 * program has; bit 55 tells programs from the kernel.
 */
uint64_t arch_code_address(uint64_t v)
{
	return v >> 55 & 1 ? v : v & ((UINT64_C(1) << 48) - 1);
}

/*
 * The kernel's trampoline in the vDSO has no tables, so that unwinders know it
 * by its code.  sp is at the frame.
 */
const uint8_t *const arch_sigframe_order = NULL;

unsigned arch_sigframe(const uint8_t *code, size_t avail, unsigned *off_ret)
{
	/* mov x8, #139 (rt_sigreturn); svc #0 */
	static const uint8_t trampoline[] = { 0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4 };

	if (avail < sizeof(trampoline) || memcmp(code, trampoline, sizeof(trampoline)) != 0)
		return 0;
	*off_ret = A64_SIGFRAME_REGS;
	return A64_WORD_PC + 1;
}

/*
 * The PLT.  An entry:	[bti c] adrp x16; ldr x17, [x16, ..]; add x16, x16, ..; br x17
 * The first:		stp x16, x30, [sp, #-16]! and the same.
 * glibc's resolver:	... ldp x17, x30, [sp], #16; br x16, the last of which
 *			its tables describe with a stack that grows.
 */
#define POP_X17_X30 0xa8c17bf1u
#define BR_X16 0xd61f0200u
#define PUSH_X16_X30 0xa9bf7bf0u
#define BR_X17 0xd61f0220u
#define BTI_C 0xd503245fu

static bool is_way_to_br(uint32_t w)
{
	return (w & 0x9f00001f) == 0x90000010 || (w & 0xffc003ff) == 0xf9400211 ||
	       (w & 0xffc003ff) == 0x91000210;
}

static uint32_t word_at(const uint8_t *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

bool arch_call_before(const uint8_t code[ARCH_CALL_MAX], uint64_t addr, uint64_t *target_ret)
{
	uint32_t w = word_at(code + ARCH_CALL_MAX - 4);
	bool is_bl = w >> 26 == 0x25;

	*target_ret = is_bl ? addr - 4 + (uint64_t)((int64_t)((uint64_t)w << 38) >> 36) : 0;
	return is_bl || (w & 0xfffffc1f) == 0xd63f0000 || /* blr */
	       (w & 0xfefff800) == 0xd63f0800; /* blraa, blrab and with a zero modifier */
}

bool arch_linkage_stub(const uint8_t *code, size_t before, size_t avail, unsigned *sp_off_ret)
{
	size_t n = 0, back = 4;

	*sp_off_ret = 0;
	if (avail >= 4 && before >= 4 && word_at(code) == BR_X16 &&
	    word_at(code - 4) == POP_X17_X30)
		return true;
	if (avail >= 4 && (word_at(code) == PUSH_X16_X30 || word_at(code) == BTI_C))
		n = 4;
	while (n + 4 <= avail && n < 16 && is_way_to_br(word_at(code + n)))
		n += 4;
	if (n + 4 > avail || word_at(code + n) != BR_X17)
		return false;
	while (back <= before && back <= 12 && is_way_to_br(word_at(code - back)))
		back += 4;
	if (back <= before && word_at(code - back) == PUSH_X16_X30)
		*sp_off_ret = 16;
	return true;
}

/* 48 bits; 52 are used only where a program asks for it. */
const uint64_t arch_user_end = 0xfffffffff000;

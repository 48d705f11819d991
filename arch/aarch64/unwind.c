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
 * by its code.  sp is at a struct rt_sigframe: 128 bytes of siginfo, then the
 * ucontext, whose sigcontext is 176 further on and begins with an address.
 */
#define SIGFRAME_REGS (128 + 176 + 8)

unsigned arch_sigframe(const uint8_t *code, size_t avail, unsigned *off_ret)
{
	/* mov x8, #139 (rt_sigreturn); svc #0 */
	static const uint8_t trampoline[] = { 0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4 };

	if (avail < sizeof(trampoline) || memcmp(code, trampoline, sizeof(trampoline)) != 0)
		return 0;
	*off_ret = SIGFRAME_REGS;
	return A64_WORD_PC + 1;
}

/* 48 bits; 52 are used only where a program asks for it. */
const uint64_t arch_user_end = 0xfffffffff000;

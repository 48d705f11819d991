/*
 * DWARF register numbers of aarch64 (DWARF for the Arm 64-bit Architecture,
 * 4.1): 0-30 are x0-x30, 31 is sp, 32 the program counter.
 *
 * The return-address column is 30, which holds it in every frame that made no
 * call yet.
 */
#include "decode.h"

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

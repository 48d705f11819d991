/*
 * DWARF register numbers of x86_64 (System V AMD64 ABI, figure 3.36).
 *
 * Column 16 is the return address; in a live frame that is the program
 * counter, which is what the CFA expression of PLT stubs relies on.
 */
#include "../arch.h"

const unsigned arch_dwarf_sp = 7, arch_dwarf_fp = 6;

/* Indexes into user_regs_struct: rax rdx rcx rbx rsi rdi rbp rsp r8..r15 rip. */
static const uint8_t word_of[] = {
	10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16,
};

bool arch_dwarf_reg(const struct arch_regs *r, unsigned n, uint64_t *ret)
{
	if (n >= sizeof(word_of))
		return false;
	*ret = r->w[word_of[n]];
	return true;
}

uint64_t arch_code_address(uint64_t v)
{
	return v;
}

/* libc's trampoline has tables. */
unsigned arch_sigframe(const uint8_t *code, size_t avail, unsigned *off_ret)
{
	(void)code;
	(void)avail;
	(void)off_ret;
	return 0;
}

/* Linkers make tables for theirs. */
bool arch_linkage_stub(const uint8_t *code, size_t before, size_t avail, unsigned *sp_off_ret)
{
	(void)code;
	(void)before;
	(void)avail;
	(void)sp_off_ret;
	return false;
}

/* Of four levels of tables; five are used only where a program asks for it. */
const uint64_t arch_user_end = 0x7ffffffff000;

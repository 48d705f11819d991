/*
 * DWARF register numbers of x86_64 (System V AMD64 ABI, figure 3.36).
 *
 * Column 16 is the return address; in a live frame that is the program
 * counter, which is what the CFA expression of PLT stubs relies on.
 */
#include "../arch.h"

#include <string.h>

const unsigned arch_dwarf_sp = 7, arch_dwarf_fp = 6;
const bool arch_fp_is_low = false;

/* Indexes into user_regs_struct: rax rdx rcx rbx rsi rdi rbp rsp r8..r15 rip. */
static const uint8_t word_of[] = {
	10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16,
};

int arch_dwarf_word(unsigned n)
{
	return n < sizeof(word_of) ? word_of[n] : -1;
}

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

/*
 * glibc's trampoline has tables, that of other libraries (musl, Go) has none.
 * sp is at a struct ucontext, whose registers are 40 further on:
 * r8..r15 rdi rsi rbp rbx rdx rax rcx rsp rip.
 */
#define SIGFRAME_REGS 40
static const uint8_t sigframe_order[] = {
	8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16,
};
const uint8_t *const arch_sigframe_order = sigframe_order;

unsigned arch_sigframe(const uint8_t *code, size_t avail, unsigned *off_ret)
{
	/* mov $15 (rt_sigreturn), %rax; syscall.  Or to %eax. */
	static const uint8_t wide[] = { 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05 };
	static const uint8_t narrow[] = { 0xb8, 15, 0, 0, 0, 0x0f, 0x05 };

	if ((avail < sizeof(wide) || memcmp(code, wide, sizeof(wide)) != 0) &&
	    (avail < sizeof(narrow) || memcmp(code, narrow, sizeof(narrow)) != 0))
		return 0;
	*off_ret = SIGFRAME_REGS;
	return sizeof(sigframe_order);
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

bool arch_call_before(const uint8_t code[ARCH_CALL_MAX], uint64_t addr, uint64_t *target_ret)
{
	const uint8_t *end = code + ARCH_CALL_MAX;
	int32_t rel;

	*target_ret = 0;
	if (end[-5] == 0xe8) {
		memcpy(&rel, end - 4, sizeof(rel));
		*target_ret = addr + (uint64_t)(int64_t)rel;
		return true;
	}
	/* ff /2 with a register, [register], + 8 bits, + 32 bits; the last two maybe with a SIB. */
	for (unsigned len = 2; len <= 7; len++) {
		uint8_t modrm = end[1 - (int)len];
		unsigned mod = modrm >> 6, sib = mod != 3 && (modrm & 7) == 4;
		unsigned disp = mod == 1 ? 1 : mod == 2 ? 4 : mod == 0 && (modrm & 7) == 5 ? 4 : 0;

		if (end[-(int)len] == 0xff && (modrm >> 3 & 7) == 2 && len == 2 + sib + disp)
			return true;
	}
	return false;
}

/* push %reg; -1: it isn't. */
static int pushed_register(const uint8_t *p, unsigned len)
{
	static const uint8_t dwarf[] = { 0, 2, 1, 3, 7, 6, 4, 5 }; /* rax rcx rdx rbx ... */

	if (len == 1 && (p[0] & 0xf8) == 0x50)
		return dwarf[p[0] & 7];
	if (len == 2 && p[0] == 0x41 && (p[1] & 0xf8) == 0x50)
		return 8 + (p[1] & 7);
	return -1;
}

/* sub $n, %rsp; 0: it isn't. */
static uint32_t room_made(const uint8_t *p, unsigned len)
{
	uint32_t n = 0;

	if (len == 4 && p[0] == 0x48 && p[1] == 0x83 && p[2] == 0xec)
		n = p[3] < 0x80 ? p[3] : 0;
	else if (len == 7 && p[0] == 0x48 && p[1] == 0x81 && p[2] == 0xec)
		memcpy(&n, p + 3, sizeof(n));
	return n;
}

/* mov %rsp, %rbp, in either encoding */
static bool sets_frame_pointer(const uint8_t *p, unsigned len)
{
	return len == 3 && p[0] == 0x48 &&
	       ((p[1] == 0x89 && p[2] == 0xe5) || (p[1] == 0x8b && p[2] == 0xec));
}

#define PROLOGUE_MAX 128

/* Until the first call or jump. */
bool arch_prologue(const uint8_t *code, size_t len, uint64_t pc, struct arch_prologue *ret)
{
	bool has_room = false;
	struct arch_insn insn;

	len = len < pc ? len : pc;
	len = len < PROLOGUE_MAX ? len : PROLOGUE_MAX;
	*ret = (struct arch_prologue){ .ra_reg = -1 };
	for (size_t at = 0; at < len; at += insn.len) {
		const uint8_t *p = code + at;
		uint32_t room;
		int reg;

		if (!arch_insn_length(p, len - at, 0, &insn) || !insn.len)
			break;
		reg = pushed_register(p, insn.len);
		room = has_room ? 0 : room_made(p, insn.len);
		if (reg >= 0 && !has_room) {
			ret->depth += 8;
			if (ret->n_saved == ARCH_SAVED_MAX)
				return false;
			ret->saved[ret->n_saved].reg = (uint8_t)reg;
			ret->saved[ret->n_saved++].depth = ret->depth;
		}
		ret->depth += room;
		has_room |= room != 0;
		if (!ret->sets_fp && sets_frame_pointer(p, insn.len)) {
			ret->sets_fp = true;
			ret->fp_depth = ret->depth;
		}
		if (insn.flow != ARCH_FLOW_NEXT && insn.flow != ARCH_FLOW_COND)
			break;
	}
	return true;
}

/* pop %reg; -1: it isn't. */
static int popped_register(const uint8_t *p, unsigned len)
{
	uint8_t as_push[2] = { p[0], len == 2 ? p[1] : 0 };

	if ((p[len - 1] & 0xf8) != 0x58)
		return -1;
	as_push[len - 1] -= 8;
	return pushed_register(as_push, len);
}

/* add $n, %rsp; 0: it isn't. */
static uint32_t room_freed(const uint8_t *p, unsigned len)
{
	uint32_t n = 0;

	if (len == 4 && p[0] == 0x48 && p[1] == 0x83 && p[2] == 0xc4)
		n = p[3] < 0x80 ? p[3] : 0;
	else if (len == 7 && p[0] == 0x48 && p[1] == 0x81 && p[2] == 0xc4)
		memcpy(&n, p + 3, sizeof(n));
	return n;
}

static bool is_return(const uint8_t *p, unsigned len)
{
	return p[0] == 0xc3 || p[0] == 0xc2 || (len == 2 && p[0] == 0xf3 && p[1] == 0xc3);
}

bool arch_epilogue(const uint8_t *code, size_t len, struct arch_prologue *ret)
{
	bool is_whole = false;
	struct arch_insn insn;

	*ret = (struct arch_prologue){ .ra_reg = -1 };
	for (size_t at = 0; at < len && !is_whole; at += insn.len) {
		const uint8_t *p = code + at;

		if (!arch_insn_length(p, len - at, 0, &insn) || !insn.len)
			return false;
		int reg = insn.len <= 2 ? popped_register(p, insn.len) : -1;
		uint32_t room = room_freed(p, insn.len);

		is_whole = is_return(p, insn.len);
		if (reg >= 0 && ret->n_saved < ARCH_SAVED_MAX) {
			ret->saved[ret->n_saved].reg = (uint8_t)reg;
			ret->saved[ret->n_saved++].depth = ret->depth;
			ret->depth += 8;
		} else if (room) {
			ret->depth += room;
		} else if (!is_whole) {
			return false;
		}
	}
	/* Counted from sp so far; now from where it will be. */
	for (unsigned i = 0; i < ret->n_saved; i++)
		ret->saved[i].depth = ret->depth - ret->saved[i].depth;
	return is_whole;
}

/* Of four levels of tables; five are used only where a program asks for it. */
const uint64_t arch_user_end = 0x7ffffffff000;

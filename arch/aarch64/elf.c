/*
 * What an ELF file for aarch64 has that is the processor's own: relocation
 * types, and the start code that hands main() to the C library.
 */
#include "decode.h"

#include <elf.h>

enum arch_reloc arch_reloc_kind(unsigned type)
{
	switch (type) {
	case R_AARCH64_IRELATIVE: return ARCH_RELOC_IRELATIVE;
	case R_AARCH64_JUMP_SLOT:
	case R_AARCH64_GLOB_DAT: return ARCH_RELOC_SLOT;
	case R_AARCH64_TLS_DTPMOD: return ARCH_RELOC_TLS_MODULE;
	case R_AARCH64_TLS_TPREL: return ARCH_RELOC_TLS_OFFSET;
	case R_AARCH64_TLSDESC: return ARCH_RELOC_TLS_CALL;
	default: return ARCH_RELOC_OTHER;
	}
}

/* "Variant I": two words of the C library are at the thread pointer, the block follows. */
uint64_t arch_tls_program(uint64_t thread_pointer, const struct arch_tls *seg)
{
	return thread_pointer + 16 + ((seg->addr - 16) & (seg->align - 1));
}

uint64_t arch_tls_table(uint64_t thread_pointer, bool is_musl)
{
	return is_musl ? thread_pointer - 8 : thread_pointer;
}

/* What is known of x0. */
struct x0 {
	uint64_t value;
	bool is_known, is_slot;
};

static uint64_t add_immediate(uint32_t w)
{
	return (uint64_t)(w >> 10 & 0xfff) << (w >> 22 & 1 ? 12 : 0);
}

/*
 * adrp x0, page; then add x0, x0, low or, through the GOT, ldr x0, [x0, low].
 * adr x0, main.  movz x0, ...; movk x0, ...
 */
static void follow(struct x0 *v, const struct a64_insn *x, uint64_t pc)
{
	uint32_t w = x->w;
	unsigned shift = (w >> 21 & 3) * 16;
	uint64_t imm = (uint64_t)(w >> 5 & 0xffff) << shift;

	if (x->cls == A64_ADR && a64_rd(w) == 0)
		*v = (struct x0){ pc + (uint64_t)x->disp, true, false };
	else if (x->cls == A64_ADRP && a64_rd(w) == 0)
		*v = (struct x0){ (pc & ~UINT64_C(0xfff)) + (uint64_t)x->disp * 4096, true, false };
	else if ((w & 0xff8003ff) == 0x91000000 && v->is_known && !v->is_slot)
		v->value += add_immediate(w);
	else if ((w & 0xffc003ff) == 0xf9400000 && v->is_known && !v->is_slot)
		*v = (struct x0){ v->value + (w >> 10 & 0xfff) * 8, true, true };
	else if ((w & 0xff80001f) == 0xd2800000)
		*v = (struct x0){ imm, true, false };
	else if ((w & 0xff80001f) == 0xf2800000 && v->is_known && !v->is_slot)
		v->value = (v->value & ~(UINT64_C(0xffff) << shift)) | imm;
}

/* A landing pad and a branch: the wrapper that static programs have for main. */
static uint64_t behind_wrapper(const uint8_t *code, size_t avail, uint64_t pc, uint64_t addr)
{
	uint64_t off = addr - pc;
	struct a64_insn x;

	for (int i = 0; i < 2 && off < avail; i++, off += 4) {
		if (!a64_decode(code + off, avail - off, &x))
			return addr;
		if (x.cls == A64_B)
			return pc + off + (uint64_t)x.disp;
		if (x.cls != A64_NOP)
			return addr;
	}
	return addr;
}

/* main is in x0 at the first call.  Whatever comes after that is too late. */
uint64_t arch_main_from_entry(const uint8_t *code, size_t avail, uint64_t pc, bool *is_slot)
{
	struct x0 v = { .is_known = false };
	struct arch_insn insn;
	struct a64_insn x;

	*is_slot = false;
	for (size_t off = 0; off < 32 * 4 && off < avail; off += 4) {
		if (!a64_decode(code + off, avail - off, &x))
			return 0;
		a64_describe(&x, pc + off, &insn);
		if (insn.flow == ARCH_FLOW_CALL && v.is_known) {
			*is_slot = v.is_slot;
			return v.is_slot ? v.value : behind_wrapper(code, avail, pc, v.value);
		}
		if (insn.flow != ARCH_FLOW_NEXT)
			return 0;
		follow(&v, &x, pc + off);
	}
	return 0;
}

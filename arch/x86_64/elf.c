/*
 * What an ELF file for x86_64 has that is the processor's own: relocation
 * types, and the start code that hands main() to the C library.
 */
#include <elf.h>
#include <string.h>

#include "../arch.h"

enum arch_reloc arch_reloc_kind(unsigned type)
{
	switch (type) {
	case R_X86_64_IRELATIVE: return ARCH_RELOC_IRELATIVE;
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_GLOB_DAT: return ARCH_RELOC_SLOT;
	case R_X86_64_DTPMOD64: return ARCH_RELOC_TLS_MODULE;
	case R_X86_64_TPOFF64: return ARCH_RELOC_TLS_OFFSET;
	case R_X86_64_TLSDESC: return ARCH_RELOC_TLS_CALL;
	default: return ARCH_RELOC_OTHER;
	}
}

/* "Variant II": the block ends at the thread pointer, as well as it can be aligned. */
uint64_t arch_tls_program(uint64_t thread_pointer, const struct arch_tls *seg)
{
	return thread_pointer - seg->size - ((0 - seg->addr - seg->size) & (seg->align - 1));
}

uint64_t arch_tls_table(uint64_t thread_pointer, bool is_musl)
{
	(void)is_musl; /* they agree */
	return thread_pointer + 8;
}

static int64_t imm32(const uint8_t *p)
{
	int32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/*
 * _start passes main in rdi: "lea main(%rip),%rdi" (PIE), "mov $main,%rdi" or
 * "mov $main,%edi" (fixed address), "mov main@GOT(%rip),%rdi".  Whatever comes
 * after the first call is too late.
 */
uint64_t arch_main_from_entry(const uint8_t *code, size_t avail, uint64_t pc, bool *is_slot)
{
	struct arch_insn in;
	size_t at = 0;

	*is_slot = false;
	for (int i = 0; i < 24 && at < avail; i++, at += in.len) {
		const uint8_t *p = code + at;

		if (!arch_insn_length(p, avail - at, pc + at, &in) || !in.len)
			return 0;
		if (in.flow != ARCH_FLOW_NEXT)
			return 0;
		if (in.len == 7 && p[0] == 0x48 && (p[1] == 0x8d || p[1] == 0x8b) && p[2] == 0x3d) {
			*is_slot = p[1] == 0x8b;
			return pc + at + 7 + (uint64_t)imm32(p + 3);
		}
		if (in.len == 7 && p[0] == 0x48 && p[1] == 0xc7 && p[2] == 0xc7)
			return (uint64_t)imm32(p + 3);
		if (in.len == 5 && p[0] == 0xbf)
			return (uint32_t)imm32(p + 1);
	}
	return 0;
}

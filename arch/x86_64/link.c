/*
 * Calls of probes in objects that dtrace -G works on.
 *
 * A call becomes a nop, a tail call a return; either is where the probe fires,
 * with the arguments where the call has put them.
 */
#include "../arch.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

const uint32_t arch_link_none = R_X86_64_NONE, arch_link_word = R_X86_64_64;

bool arch_link_probe(uint8_t *code, size_t len, uint64_t off, struct arch_link_site *ret)
{
	static const uint8_t nops[][6] = { { 0x66, 0x0f, 0x1f, 0x44, 0, 0 },
					   { 0x0f, 0x1f, 0x44, 0, 0 } };
	bool is_indirect;
	uint8_t *p;

	if (off < 1 || off > len || len - off < 4)
		return false;
	is_indirect = off > 1 && code[off - 2] == 0xff &&
		      (code[off - 1] == 0x15 || code[off - 1] == 0x25);
	if (!is_indirect && code[off - 1] != 0xe8 && code[off - 1] != 0xe9)
		return false;
	ret->is_tail = is_indirect ? code[off - 1] == 0x25 : code[off - 1] == 0xe9;
	ret->at = off - 1 - is_indirect;
	p = code + ret->at;
	memcpy(p, nops[!is_indirect], 5u + is_indirect);
	if (ret->is_tail) {
		memset(p, 0x90, 5u + is_indirect);
		*p = 0xc3;
	}
	return true;
}

void arch_link_operand(unsigned n, unsigned size, bool is_signed, bool is_tail, char buf[32])
{
	static const char *const names[][6] = {
		{ "dil", "sil", "dl", "cl", "r8b", "r9b" },
		{ "di", "si", "dx", "cx", "r8w", "r9w" },
		{ "edi", "esi", "edx", "ecx", "r8d", "r9d" },
		{ "rdi", "rsi", "rdx", "rcx", "r8", "r9" },
	};
	const char *sign = is_signed ? "-" : "";
	unsigned row = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;

	if (n < 6)
		snprintf(buf, 32, "%s%u@%%%s", sign, size, names[row][n]);
	else
		snprintf(buf, 32, "%s%u@%u(%%rsp)", sign, size, (n - 6) * 8 + (is_tail ? 8 : 0));
}

/* movzwl semaphore(%rip), %eax; ret */
void arch_link_enabled(struct arch_link_code *ret)
{
	*ret = (struct arch_link_code){
		.code = { 0x0f, 0xb7, 0x05, 0, 0, 0, 0, 0xc3 },
		.len = 8,
		.relocs = { { 3, R_X86_64_PC32, -4 } },
		.n_relocs = 1,
	};
}

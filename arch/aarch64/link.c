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

#define NOP 0xd503201fu
#define RET 0xd65f03c0u

const uint32_t arch_link_none = R_AARCH64_NONE, arch_link_word = R_AARCH64_ABS64;

bool arch_link_probe(uint8_t *code, size_t len, uint64_t off, struct arch_link_site *ret)
{
	uint32_t w, kind;

	if (off % 4 || off > len || len - off < 4)
		return false;
	memcpy(&w, code + off, sizeof(w));
	kind = w >> 26;
	if (kind != 0x25 && kind != 0x05) /* bl, b */
		return false;
	ret->is_tail = kind == 0x05;
	ret->at = off;
	w = ret->is_tail ? RET : NOP;
	memcpy(code + off, &w, sizeof(w));
	return true;
}

void arch_link_operand(unsigned n, unsigned size, bool is_signed, bool is_tail, char buf[32])
{
	const char *sign = is_signed ? "-" : "";

	(void)is_tail;
	if (n < 8)
		snprintf(buf, 32, "%s%u@%c%u", sign, size, size == 8 ? 'x' : 'w', n);
	else
		snprintf(buf, 32, "%s%u@[sp, %u]", sign, size, (n - 8) * 8);
}

/* adrp x0, semaphore; ldrh w0, [x0, :lo12:semaphore]; ret */
void arch_link_enabled(struct arch_link_code *ret)
{
	static const uint32_t code[] = { 0x90000000, 0x79400000, RET };

	*ret = (struct arch_link_code){
		.len = sizeof(code),
		.relocs = { { 0, R_AARCH64_ADR_PREL_PG_HI21, 0 },
			    { 4, R_AARCH64_LDST16_ABS_LO12_NC, 0 } },
		.n_relocs = 2,
	};
	memcpy(ret->code, code, sizeof(code));
}

/*
 * Calls of probes in objects that dtrace -G works on.
 *
 * A call becomes a nop, a tail call a return; either is where the probe fires,
 * with the arguments where the call has put them.  Which registers an instruction
 * changes is told conservatively: too many, never too few.
 */
#include "decode.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#define NOP 0xd503201fu
#define RET 0xd65f03c0u
#define BTI_C 0xd503245fu
#define CALL_CHANGES 0x4007ffffu /* x0 ... x18, x30 */

const uint32_t arch_link_none = R_AARCH64_NONE, arch_link_word = R_AARCH64_ABS64;
/* GNU_PROPERTY_AARCH64_FEATURE_1_AND: branch targets, pointer authentication. */
const uint32_t arch_link_property[2] = { 0xc0000000, 3 };

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

int arch_link_load(const uint8_t *code, size_t len, uint64_t off, uint32_t type, uint64_t *at_ret)
{
	uint32_t w;

	if (off % 4 || off > len || len - off < 4)
		return -1;
	memcpy(&w, code + off, sizeof(w));
	*at_ret = off;
	switch (type) {
	case R_AARCH64_GOT_LD_PREL19:
	case R_AARCH64_LD64_GOT_LO12_NC:
	case R_AARCH64_LD64_GOTOFF_LO15:
	case R_AARCH64_LD64_GOTPAGE_LO15:
	case R_AARCH64_ADD_ABS_LO12_NC:
	case R_AARCH64_ADR_PREL_LO21: return (int)a64_rd(w);
	default: return -1;
	}
}

/* Loads and stores (C4.1.66 and on): what they change besides memory. */
static uint32_t changed_by_memory(uint32_t w)
{
	uint32_t rt = 1u << a64_rd(w), rn = 1u << a64_rn(w), rt2 = 1u << (w >> 10 & 31);
	unsigned form = w >> 27 & 7;
	bool is_vector = w >> 26 & 1;

	if (form == 5) /* pairs: bit 23 is writing back, bit 22 a load */
		return (w >> 23 & 1 ? rn : 0) | (w >> 22 & 1 && !is_vector ? rt | rt2 : 0);
	if (form == 7 && w >> 24 & 1) /* an offset that is no register */
		return w >> 22 & 3 && !is_vector ? rt : 0;
	return rt | rn | rt2 | 1u << a64_rm(w);
}

static uint32_t changed_by(uint32_t w)
{
	unsigned group = w >> 25 & 15;

	if ((group & 5) == 4)
		return changed_by_memory(w);
	/* Floating point can write a general register; system instructions can, too. */
	return 1u << a64_rd(w);
}

bool arch_link_step(const uint8_t *code, size_t avail, uint64_t pc, struct arch_link_step *ret)
{
	struct a64_insn x;

	*ret = (struct arch_link_step){ .to = -1, .from = -1, .through = -1 };
	if (!a64_decode(code, avail, &x))
		return false;
	a64_describe(&x, pc, &ret->insn);
	switch (ret->insn.flow) {
	case ARCH_FLOW_CALL: ret->written = CALL_CHANGES; return true;
	case ARCH_FLOW_ICALL:
	case ARCH_FLOW_IJUMP:
		ret->written = ret->insn.flow == ARCH_FLOW_ICALL ? CALL_CHANGES : 0;
		if (!x.is_signed)
			ret->through = (int)a64_rn(x.w);
		return true;
	case ARCH_FLOW_SYSCALL: ret->written = UINT32_MAX; return true;
	case ARCH_FLOW_NEXT: break;
	default: return true;
	}
	if (x.cls == A64_NOP)
		return true;
	if (x.cls == A64_MOPS || x.cls == A64_EXCLUSIVE) {
		ret->written = UINT32_MAX;
		return true;
	}
	ret->written = changed_by(x.w);
	if ((x.w & 0xffe0ffe0) == 0xaa0003e0) { /* mov xd, xm */
		ret->to = (int)a64_rd(x.w);
		ret->from = (int)a64_rm(x.w);
	}
	return true;
}

void arch_link_indirect(uint8_t *code, size_t len, uint64_t off, struct arch_link_site *ret)
{
	uint32_t w;

	(void)len;
	memcpy(&w, code + off, sizeof(w));
	*ret = (struct arch_link_site){ .at = off, .is_tail = (w >> 21 & 3) == 0 };
	w = ret->is_tail ? RET : NOP;
	memcpy(code + off, &w, sizeof(w));
}

/* bti c; adrp x0, semaphore; ldrh w0, [x0, :lo12:semaphore]; ret */
void arch_link_enabled(struct arch_link_code *ret)
{
	static const uint32_t code[] = { BTI_C, 0x90000000, 0x79400000, RET };

	*ret = (struct arch_link_code){
		.len = sizeof(code),
		.relocs = { { 4, R_AARCH64_ADR_PREL_PG_HI21, 0 },
			    { 8, R_AARCH64_LDST16_ABS_LO12_NC, 0 } },
		.n_relocs = 2,
	};
	memcpy(ret->code, code, sizeof(code));
}

void arch_link_fire(struct arch_link_code *ret)
{
	static const uint32_t code[] = { BTI_C, NOP, RET };

	*ret = (struct arch_link_code){ .len = sizeof(code), .site = 4 };
	memcpy(ret->code, code, sizeof(code));
}

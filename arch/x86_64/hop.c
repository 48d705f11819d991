/*
 * Patches of two bytes: a system call becomes the start of a jump.
 *
 *	0f 05 | 48 3d 01 f0 ff ff	syscall; cmp $-4095, %rax
 *	2e e9 | 48 3d 01 f0		jmp to -256 MiB, with a prefix of no meaning
 *	e9 dd | 48 3d 01		jmp to +19.8 MiB, one of 256 addresses
 *
 * The bytes behind the call are part of the jump and still the instruction that
 * they were: a thread that returns there (from a handler, from a call it was in)
 * finds it.  What is left of the jump's target to choose is little: memory for a
 * hop must be found there.
 */
#include "near.h"

#define HOP_LONG 6 /* with the prefix */
#define HOP_SHORT 5

static uint64_t target(const uint8_t *code, uint64_t site, unsigned len)
{
	int32_t rel;

	memcpy(&rel, code + len - sizeof(rel), sizeof(rel));
	return site + len + (uint64_t)(int64_t)rel;
}

bool arch_hop_range(const uint8_t code[ARCH_HOP_CODE], uint64_t site, unsigned i,
		    struct arch_span *ret)
{
	uint8_t low[ARCH_HOP_CODE];

	memcpy(low, code, sizeof(low));
	low[1] = 0;
	switch (i) {
	case 0: ret->lo = ret->hi = target(code, site, HOP_LONG); break;
	case 1:
		ret->lo = target(low, site, HOP_SHORT);
		ret->hi = ret->lo + 255;
		break;
	default: return false;
	}
	return true;
}

/* What is written, ARCH_HOP_CODE bytes, of which but two are as they were. */
void x64_hop_bytes(const struct arch_patch_plan *p, uint8_t *out)
{
	memcpy(out, p->orig, ARCH_HOP_CODE);
	if (p->jump == target(p->orig, p->addr, HOP_LONG)) {
		out[0] = 0x2e;
		out[1] = 0xe9;
	} else {
		out[0] = 0xe9;
		out[1] = (uint8_t)(p->jump - (p->addr + HOP_SHORT));
	}
}

/* Does what comes next set the flags before it looks at them?  (Of what follows calls.) */
static bool ends_flags(const uint8_t *code)
{
	if ((code[0] & 0xf8) == 0x48) /* REX.W */
		code++;
	return code[0] == 0x3d || code[0] == 0x85 || code[0] == 0xf7 || code[0] == 0xc3 ||
	       (code[0] == 0x83 && (code[1] & 0xf8) == 0xf8);
}

bool arch_hop_plan(const uint8_t code[ARCH_HOP_CODE], uint64_t site, uint64_t hop,
		   struct arch_patch_plan *ret)
{
	if (code[0] != 0x0f || code[1] != 0x05)
		return false;
	*ret = (struct arch_patch_plan){
		.site = site,
		.addr = site,
		.len = ARCH_HOP_CODE,
		.n_insns = 1,
		.insn = { 0, 2 },
		.tactic = ARCH_TACTIC_HOP,
		.jump = hop,
		.flags_dead = ends_flags(code + 2) ? 2 : 0,
	};
	memcpy(ret->orig, code, ARCH_HOP_CODE);
	return true;
}

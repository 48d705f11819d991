/*
 * System calls that trampolines make: not on this processor, where all watched
 * calls stop.  See record.h.
 */
#include "../record.h"

const bool arch_has_calls = false;

bool arch_call_stays(unsigned nr)
{
	(void)nr;
	return true;
}

void arch_call_slot(const struct arch_tramp *t, uint32_t i, uint8_t out[ARCH_SLOT_CALL])
{
	(void)t;
	(void)i;
	__builtin_memset(out, 0, ARCH_SLOT_CALL);
}

int arch_call_at(const struct arch_tramp *t, uint64_t pc)
{
	(void)t;
	(void)pc;
	return -1;
}

void arch_plain_slot(const uint8_t *code, uint64_t back, uint8_t out[ARCH_SLOT_CALL])
{
	(void)code;
	(void)back;
	__builtin_memset(out, 0, ARCH_SLOT_CALL);
}

bool arch_hop_range(const uint8_t code[ARCH_HOP_CODE], uint64_t site, unsigned i,
		    struct arch_span *ret)
{
	(void)code;
	(void)site;
	(void)i;
	(void)ret;
	return false;
}

bool arch_hop_plan(const uint8_t code[ARCH_HOP_CODE], uint64_t site, uint64_t hop,
		   struct arch_patch_plan *ret)
{
	(void)code;
	(void)site;
	(void)hop;
	(void)ret;
	return false;
}

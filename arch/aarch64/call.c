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

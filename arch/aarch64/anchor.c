/*
 * What the tracer's half of the record tier asks of a processor.
 *
 * A thread's ring is found in a table by tpidr_el0 (struct arch_anchors), which
 * the tracer does not keep yet: so every site stays a breakpoint.
 */
#include "../record.h"

const bool arch_has_record = false;
const bool arch_tramp_sleeps = false;

uint64_t arch_counter(void)
{
	uint64_t v;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v));
	return v;
}

/* No register of the thread's is an anchor. */
bool arch_anchor_read(pid_t tid, uint64_t *ret)
{
	(void)tid;
	*ret = 0;
	return false;
}

bool arch_anchor_write(pid_t tid, uint64_t ring)
{
	(void)tid;
	(void)ring;
	return false;
}

bool arch_shadow_stack(pid_t tid)
{
	(void)tid;
	return false;
}

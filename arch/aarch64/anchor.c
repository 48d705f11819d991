/*
 * What the tracer's half of the record tier asks of the processor.  See record.h.
 *
 * There is no register for a thread's ring: it is in a table, under the thread
 * pointer (tpidr_el0).
 */
#include "../record.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#ifndef NT_ARM_TLS
#define NT_ARM_TLS 0x401
#endif

const bool arch_anchors_are_table = true;

uint64_t arch_counter(void)
{
	uint64_t v;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v));
	return v;
}

bool arch_anchor_key(pid_t tid, uint64_t *ret)
{
	struct iovec v = { ret, sizeof(*ret) };

	*ret = 0;
	return ptrace(PTRACE_GETREGSET, tid, NT_ARM_TLS, &v) == 0 && v.iov_len >= sizeof(*ret);
}

/* None, but whether the thread can be asked is worth knowing. */
bool arch_anchor_read(pid_t tid, uint64_t *ret)
{
	uint64_t key;

	*ret = 0;
	return arch_anchor_key(tid, &key);
}

bool arch_anchor_write(pid_t tid, uint64_t ring)
{
	(void)tid;
	(void)ring;
	return true;
}

#ifndef NT_ARM_GCS
#define NT_ARM_GCS 0x410 /* the guarded control stack: enabled, locked, its pointer */
#endif

bool arch_shadow_stack(pid_t tid)
{
	uint64_t gcs[3] = { 0 };
	struct iovec v = { gcs, sizeof(gcs) };

	return ptrace(PTRACE_GETREGSET, tid, NT_ARM_GCS, &v) == 0 && (gcs[0] & 1);
}

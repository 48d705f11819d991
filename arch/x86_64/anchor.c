/*
 * The record tier's anchor, the base of gs, and its clock.  See record.h.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "../record.h"

uint64_t arch_counter(void)
{
	return __builtin_ia32_rdtsc();
}

#define GS_BASE ((void *)offsetof(struct user_regs_struct, gs_base))

bool arch_anchor_read(pid_t tid, uint64_t *ret)
{
	errno = 0;
	*ret = (uint64_t)ptrace(PTRACE_PEEKUSER, tid, GS_BASE, NULL);
	return errno == 0;
}

bool arch_anchor_write(pid_t tid, uint64_t ring)
{
	return ptrace(PTRACE_POKEUSER, tid, GS_BASE, (void *)ring) == 0;
}

const bool arch_anchors_are_table = false;

bool arch_anchor_key(pid_t tid, uint64_t *ret)
{
	(void)tid;
	*ret = 0;
	return false;
}

#define NT_SHADOW_STACK 0x204 /* NT_X86_SHSTK: the shadow stack's pointer */

bool arch_shadow_stack(pid_t tid)
{
	uint64_t ssp = 0;
	struct iovec io = { &ssp, sizeof(ssp) };

	return ptrace(PTRACE_GETREGSET, tid, NT_SHADOW_STACK, &io) == 0 && ssp;
}

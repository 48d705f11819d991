/*
 * Signal contexts as registers, for tests that look out of trampolines.
 */
#ifndef TESTS_TRAMP_CONTEXT_H
#define TESTS_TRAMP_CONTEXT_H

#include "tramp_rig.h"

static inline bool read_word(void *arg, uint64_t addr, uint64_t *ret)
{
	(void)arg;
	memcpy(ret, ptr(addr), 8);
	return true;
}

static inline void regs_of_context(const ucontext_t *uc, struct arch_regs *r)
{
	const greg_t *g = uc->uc_mcontext.gregs;
	struct cpu cpu = { .flags = (uint64_t)g[REG_EFL] };
	static const int of[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
				    REG_RSI, REG_RDI, REG_R8,  REG_R9,	REG_R10, REG_R11,
				    REG_R12, REG_R13, REG_R14, REG_R15 };

	for (unsigned i = 0; i < 16; i++)
		cpu.gpr[i] = (uint64_t)g[of[i]];
	regs_of_cpu(&cpu, (uint64_t)g[REG_RIP], r);
}

static inline void regs_to_context(const struct arch_regs *r, ucontext_t *uc)
{
	greg_t *g = uc->uc_mcontext.gregs;
	struct user_regs_struct u;

	memcpy(&u, r, sizeof(u));
	g[REG_RAX] = (greg_t)u.rax, g[REG_RBX] = (greg_t)u.rbx, g[REG_RCX] = (greg_t)u.rcx;
	g[REG_RDX] = (greg_t)u.rdx, g[REG_RSI] = (greg_t)u.rsi, g[REG_RDI] = (greg_t)u.rdi;
	g[REG_RBP] = (greg_t)u.rbp, g[REG_RSP] = (greg_t)u.rsp, g[REG_R8] = (greg_t)u.r8;
	g[REG_R9] = (greg_t)u.r9, g[REG_R10] = (greg_t)u.r10, g[REG_R11] = (greg_t)u.r11;
	g[REG_R12] = (greg_t)u.r12, g[REG_R13] = (greg_t)u.r13, g[REG_R14] = (greg_t)u.r14;
	g[REG_R15] = (greg_t)u.r15, g[REG_RIP] = (greg_t)u.rip, g[REG_EFL] = (greg_t)u.eflags;
}

#endif

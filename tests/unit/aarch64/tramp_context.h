/*
 * Signal contexts as registers, and a child that is traced, for tests that look out of
 * trampolines.
 */
#ifndef TESTS_TRAMP_CONTEXT_H
#define TESTS_TRAMP_CONTEXT_H

#include "tramp_rig.h"

#include <errno.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static inline bool read_word(void *arg, uint64_t addr, uint64_t *ret)
{
	(void)arg;
	memcpy(ret, ptr(addr), 8);
	return true;
}

static inline void regs_of_context(const ucontext_t *uc, struct arch_regs *r)
{
	const mcontext_t *m = &uc->uc_mcontext;

	memcpy(r->w, m->regs, sizeof(m->regs));
	r->w[SP] = m->sp;
	r->w[PC] = m->pc;
	r->w[PSTATE] = m->pstate;
}

static inline bool same_registers(const struct arch_regs *a, const struct arch_regs *b)
{
	return memcmp(a, b, PC * 8) == 0 && !((a->w[PSTATE] ^ b->w[PSTATE]) >> 28 & 0xf);
}

/* Goes on, by a step or until something happens; the registers then, and the signal. */
static inline int go_on(pid_t pid, int how, int sig, struct arch_regs *r)
{
	int status;

	if (ptrace(how, pid, NULL, sig) || waitpid(pid, &status, 0) != pid)
		fail_msg("the child has gone");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (!WIFSTOPPED(status))
		fail_msg("the child has ended, status %#x", status);
	assert_int_equal(arch_regs_read(pid, r), 0);
	return WSTOPSIG(status);
}

/* A stop that is the tracer's business: done, and the thread is where it goes on. */
static inline bool serve(pid_t pid, int sig, struct arch_regs *r)
{
	uint64_t pc = arch_pc(r);

	if (!tracer_stop(sig, &pc))
		return false;
	arch_set_pc(r, pc);
	assert_int_equal(arch_regs_write(pid, r), 0);
	return true;
}

#endif

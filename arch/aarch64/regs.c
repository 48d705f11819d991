/*
 * Registers of a stopped thread: the calling convention, uregs[], system calls.
 *
 * struct arch_regs is the kernel's struct user_pt_regs: x0 ... x30, sp, pc,
 * pstate.  The same order numbers uregs[].
 *
 * At system-call stops the kernel puts 0 or 1 into x7 and ignores what is
 * written there: the real one shows only at other stops (arch_regs_reveal()).
 */
#include "decode.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <asm/ptrace.h>

_Static_assert(sizeof(struct user_pt_regs) == sizeof(struct arch_regs),
	       "the kernel writes all of user_pt_regs, and nothing else is there");

#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif

#define REG_ARGS 8
#define SYSCALL_ARGS 6
#define SYSCALL_NR 8 /* x8 */
#define HIDDEN 7 /* x7 */

/* ------------------------------------------------------ read and write -- */

int arch_regs_read(pid_t tid, struct arch_regs *r)
{
	struct iovec v = { r, sizeof(*r) };

	*r = (struct arch_regs){ .w = { 0 } };
	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &v) < 0)
		return -errno;
	/* A 32-bit thread has fewer: its words mean something else. */
	return v.iov_len == sizeof(*r) ? 0 : -EINVAL;
}

int arch_regs_write(pid_t tid, const struct arch_regs *r)
{
	struct iovec v = { (void *)r, sizeof(*r) };

	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &v) == 0 ? 0 : -errno;
}

/* The kernel takes register sets from their start only: there is no shorter way. */
const bool arch_pc_is_cheap = false;

int arch_pc_read(pid_t tid, uint64_t *pc)
{
	struct arch_regs r;
	int err = arch_regs_read(tid, &r);

	if (!err)
		*pc = arch_pc(&r);
	return err;
}

int arch_pc_write(pid_t tid, uint64_t pc)
{
	struct arch_regs r;
	int err = arch_regs_read(tid, &r);

	if (err)
		return err;
	r.w[A64_WORD_PC] = pc;
	return arch_regs_write(tid, &r);
}

void arch_regs_reveal(struct arch_regs *r, const struct arch_regs *later)
{
	r->w[HIDDEN] = later->w[HIDDEN];
}

uint64_t arch_pc(const struct arch_regs *r)
{
	return r->w[A64_WORD_PC];
}

void arch_set_pc(struct arch_regs *r, uint64_t pc)
{
	r->w[A64_WORD_PC] = pc;
}

uint64_t arch_sp(const struct arch_regs *r)
{
	return r->w[A64_WORD_SP];
}

void arch_set_sp(struct arch_regs *r, uint64_t sp)
{
	r->w[A64_WORD_SP] = sp;
}

uint64_t arch_fp(const struct arch_regs *r)
{
	return r->w[29];
}

/* -------------------------------------------------- calling convention -- */

unsigned arch_reg_args(void)
{
	return REG_ARGS;
}

bool arch_arg(const struct arch_regs *r, unsigned n, uint64_t *ret)
{
	if (n < REG_ARGS) {
		*ret = r->w[n];
		return true;
	}
	*ret = arch_sp(r) + (uint64_t)(n - REG_ARGS) * 8;
	return false;
}

/* No return address is ever on the stack. */
bool arch_call_arg(const struct arch_regs *r, unsigned n, uint64_t *ret)
{
	return arch_arg(r, n, ret);
}

uint64_t arch_regs_digest(const struct arch_regs *r)
{
	uint64_t h = 0;

	for (unsigned i = 0; i <= A64_WORD_SP; i++)
		h = (h ^ r->w[i]) * UINT64_C(0x9e3779b97f4a7c15) + (h >> 29);
	return h;
}

uint64_t arch_retval(const struct arch_regs *r)
{
	return r->w[0];
}

uint64_t arch_retval2(const struct arch_regs *r)
{
	return r->w[1];
}

void arch_set_retval(struct arch_regs *r, uint64_t v)
{
	r->w[0] = v;
}

bool arch_return_address(const struct arch_regs *r, uint64_t *ret)
{
	*ret = r->w[A64_LR];
	return true;
}

/* --------------------------------------------------------------- uregs -- */

bool arch_ureg(const struct arch_regs *r, unsigned n, uint64_t *ret)
{
	if (n >= ARCH_REG_WORDS)
		return false;
	*ret = r->w[n];
	return true;
}

const struct arch_ureg_name arch_ureg_names[] = {
	{ "R_X0", 0 },
	{ "R_X1", 1 },
	{ "R_X2", 2 },
	{ "R_X3", 3 },
	{ "R_X4", 4 },
	{ "R_X5", 5 },
	{ "R_X6", 6 },
	{ "R_X7", 7 },
	{ "R_X8", 8 },
	{ "R_X9", 9 },
	{ "R_X10", 10 },
	{ "R_X11", 11 },
	{ "R_X12", 12 },
	{ "R_X13", 13 },
	{ "R_X14", 14 },
	{ "R_X15", 15 },
	{ "R_X16", 16 },
	{ "R_X17", 17 },
	{ "R_X18", 18 },
	{ "R_X19", 19 },
	{ "R_X20", 20 },
	{ "R_X21", 21 },
	{ "R_X22", 22 },
	{ "R_X23", 23 },
	{ "R_X24", 24 },
	{ "R_X25", 25 },
	{ "R_X26", 26 },
	{ "R_X27", 27 },
	{ "R_X28", 28 },
	{ "R_X29", 29 },
	{ "R_X30", 30 },
	{ "R_SP", A64_WORD_SP },
	{ "R_PC", A64_WORD_PC },
	{ "R_PSTATE", A64_WORD_PSTATE },
	{ "R_FP", 29 },
	{ "R_LR", 30 },
	{ "R_PS", A64_WORD_PSTATE },
	{ "R_R0", 0 },
	{ "R_R1", 1 },
	{ NULL, 0 },
};

/* -------------------------------------------------------- system calls -- */

/* svc #0; brk #0 */
const uint8_t arch_syscall_stub[] = { 0x01, 0x00, 0x00, 0xd4, 0x00, 0x00, 0x20, 0xd4 };
const size_t arch_syscall_stub_len = sizeof(arch_syscall_stub);
const size_t arch_syscall_stub_trap = 4;
/* svc #0; b . */
const uint8_t arch_syscall_safe_stub[] = { 0x01, 0x00, 0x00, 0xd4, 0x00, 0x00, 0x00, 0x14 };
const size_t arch_syscall_safe_stub_len = sizeof(arch_syscall_safe_stub);

uint64_t arch_syscall_nr_get(const struct arch_regs *r)
{
	return r->w[SYSCALL_NR];
}

/* The number the kernel goes by is not x8, which stays as the program has it. */
int arch_syscall_nr_set(pid_t tid, struct arch_regs *r, uint64_t nr)
{
	int call = (int)nr;
	struct iovec v = { &call, sizeof(call) };

	(void)r;
	return ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &v) == 0 ? 0 : -errno;
}

uint64_t arch_syscall_arg(const struct arch_regs *r, unsigned n)
{
	return n < SYSCALL_ARGS ? r->w[n] : 0;
}

int64_t arch_syscall_result(const struct arch_regs *r)
{
	return (int64_t)r->w[0];
}

/* Nothing is left to be restarted: see arch_in_syscall(). */
void arch_syscall_setup(struct arch_regs *r, uint64_t pc, uint64_t nr, const uint64_t args[6])
{
	r->w[A64_WORD_PC] = pc;
	r->w[SYSCALL_NR] = nr;
	for (unsigned i = 0; i < SYSCALL_ARGS; i++)
		r->w[i] = args[i];
	/* The svc is no landing pad; its page may be one that asks for them. */
	r->w[A64_WORD_PSTATE] &= ~A64_PSTATE_BTYPE;
}

/*
 * Before a stop can show, the kernel has put pc back to the svc and x0 to what
 * it was: the registers are those of a thread that is about to make the call.
 */
bool arch_in_syscall(const struct arch_regs *r)
{
	(void)r;
	return false;
}

bool arch_syscall_rewound(const struct arch_regs *r, uint64_t pc, uint64_t sp)
{
	return arch_pc(r) + arch_syscall_stub_trap == pc && arch_sp(r) == sp;
}

/* siginfo, then the struct ucontext. */
void arch_sigreturn_saved(const struct arch_regs *r, uint64_t *pc_at, uint64_t *sp_at)
{
	uint64_t uc = arch_sp(r) + sizeof(siginfo_t);

	*pc_at = uc + offsetof(ucontext_t, uc_mcontext.pc);
	*sp_at = uc + offsetof(ucontext_t, uc_mcontext.sp);
}

const bool arch_patch_has_middle = false;

bool arch_sigframe_at(const uint64_t *words, size_t n)
{
	(void)words;
	(void)n;
	return false;
}

uint32_t arch_audit(void)
{
	return AUDIT_ARCH_AARCH64;
}

const char *arch_foreign(unsigned e_machine, unsigned e_class)
{
	if (e_machine == EM_AARCH64)
		return e_class == ELFCLASS64 ? NULL : "an ILP32 program";
	if (e_machine == EM_ARM)
		return "a 32-bit ARM program";
	if (e_machine == EM_X86_64 || e_machine == EM_386)
		return "an x86 program";
	return "a program for another processor";
}

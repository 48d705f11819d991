/*
 * Registers of a stopped thread: the calling convention, uregs[], system calls.
 *
 * struct arch_regs starts with the kernel's struct user_regs_struct, word for
 * word; the words past it are zero.
 */
#include "../arch.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <ucontext.h>

#define WORD(field) (offsetof(struct user_regs_struct, field) / sizeof(uint64_t))
#define USER_WORDS (sizeof(struct user_regs_struct) / sizeof(uint64_t))
#define EFLAGS_TF 0x100

_Static_assert(sizeof(struct user_regs_struct) <= sizeof(struct arch_regs),
	       "the kernel writes all of user_regs_struct");

/* ------------------------------------------------------ read and write -- */

int arch_regs_read(pid_t tid, struct arch_regs *r)
{
	*r = (struct arch_regs){ .w = { 0 } };
	return ptrace(PTRACE_GETREGS, tid, NULL, r) == 0 ? 0 : -errno;
}

int arch_regs_write(pid_t tid, const struct arch_regs *r)
{
	return ptrace(PTRACE_SETREGS, tid, NULL, r) == 0 ? 0 : -errno;
}

static int poke(pid_t tid, size_t word, uint64_t v)
{
	return ptrace(PTRACE_POKEUSER, tid, word * sizeof(uint64_t), v) == 0 ? 0 : -errno;
}

const bool arch_pc_is_cheap = true;

int arch_pc_read(pid_t tid, uint64_t *pc)
{
	long v;

	errno = 0;
	v = ptrace(PTRACE_PEEKUSER, tid, WORD(rip) * sizeof(uint64_t), NULL);
	if (v == -1 && errno)
		return -errno;
	*pc = (uint64_t)v;
	return 0;
}

int arch_pc_write(pid_t tid, uint64_t pc)
{
	return poke(tid, WORD(rip), pc);
}

/* Every stop shows every register. */
void arch_regs_reveal(struct arch_regs *r, const struct arch_regs *later)
{
	(void)r;
	(void)later;
}

uint64_t arch_pc(const struct arch_regs *r)
{
	return r->w[WORD(rip)];
}

void arch_set_pc(struct arch_regs *r, uint64_t pc)
{
	r->w[WORD(rip)] = pc;
}

uint64_t arch_sp(const struct arch_regs *r)
{
	return r->w[WORD(rsp)];
}

void arch_set_sp(struct arch_regs *r, uint64_t sp)
{
	r->w[WORD(rsp)] = sp;
}

uint64_t arch_fp(const struct arch_regs *r)
{
	return r->w[WORD(rbp)];
}

/* -------------------------------------------------- calling convention -- */

static const uint8_t arg_word[] = {
	WORD(rdi), WORD(rsi), WORD(rdx), WORD(rcx), WORD(r8), WORD(r9),
};

unsigned arch_reg_args(void)
{
	return sizeof(arg_word);
}

static bool argument(const struct arch_regs *r, unsigned n, uint64_t on_stack, uint64_t *ret)
{
	if (n < sizeof(arg_word)) {
		*ret = r->w[arg_word[n]];
		return true;
	}
	*ret = on_stack + (uint64_t)(n - sizeof(arg_word)) * 8;
	return false;
}

bool arch_arg(const struct arch_regs *r, unsigned n, uint64_t *ret)
{
	return argument(r, n, arch_sp(r) + 8, ret);
}

bool arch_call_arg(const struct arch_regs *r, unsigned n, uint64_t *ret)
{
	return argument(r, n, arch_sp(r), ret);
}

uint64_t arch_regs_digest(const struct arch_regs *r)
{
	uint64_t h = r->w[WORD(rsp)];

	for (unsigned i = WORD(r15); i <= WORD(rdi); i++)
		h = (h ^ r->w[i]) * UINT64_C(0x9e3779b97f4a7c15) + (h >> 29);
	return h;
}

uint64_t arch_retval(const struct arch_regs *r)
{
	return r->w[WORD(rax)];
}

uint64_t arch_retval2(const struct arch_regs *r)
{
	return r->w[WORD(rdx)];
}

void arch_set_retval(struct arch_regs *r, uint64_t v)
{
	r->w[WORD(rax)] = v;
}

bool arch_return_address(const struct arch_regs *r, uint64_t *ret)
{
	*ret = arch_sp(r);
	return false;
}

/* --------------------------------------------------------------- uregs -- */

/* The first 21 numbers are the kernel's order; after it the segments. */
enum {
	R_R15,
	R_R14,
	R_R13,
	R_R12,
	R_RBP,
	R_RBX,
	R_R11,
	R_R10,
	R_R9,
	R_R8,
	R_RAX,
	R_RCX,
	R_RDX,
	R_RSI,
	R_RDI,
	R_ERR,
	R_RIP,
	R_CS,
	R_RFL,
	R_RSP,
	R_SS,
	R_DS,
	R_ES,
	R_FS,
	R_GS,
	R_TRAPNO,
};

_Static_assert(R_R15 == WORD(r15) && R_RDI == WORD(rdi) && R_ERR == WORD(orig_rax) &&
		       R_SS == WORD(ss),
	       "uregs[] follows user_regs_struct up to ss");

bool arch_ureg(const struct arch_regs *r, unsigned n, uint64_t *ret)
{
	if (n <= R_SS)
		*ret = r->w[n];
	else if (n <= R_GS)
		*ret = r->w[WORD(ds) + (n - R_DS)];
	else if (n == R_TRAPNO)
		*ret = 0; /* not something ptrace gives */
	else
		return false;
	return true;
}

const struct arch_ureg_name arch_ureg_names[] = {
	{ "R_R15", R_R15 }, { "R_R14", R_R14 },	      { "R_R13", R_R13 }, { "R_R12", R_R12 },
	{ "R_RBP", R_RBP }, { "R_RBX", R_RBX },	      { "R_R11", R_R11 }, { "R_R10", R_R10 },
	{ "R_R9", R_R9 },   { "R_R8", R_R8 },	      { "R_RAX", R_RAX }, { "R_RCX", R_RCX },
	{ "R_RDX", R_RDX }, { "R_RSI", R_RSI },	      { "R_RDI", R_RDI }, { "R_ERR", R_ERR },
	{ "R_RIP", R_RIP }, { "R_CS", R_CS },	      { "R_RFL", R_RFL }, { "R_RSP", R_RSP },
	{ "R_SS", R_SS },   { "R_DS", R_DS },	      { "R_ES", R_ES },	  { "R_FS", R_FS },
	{ "R_GS", R_GS },   { "R_TRAPNO", R_TRAPNO }, { "R_PC", R_RIP },  { "R_SP", R_RSP },
	{ "R_FP", R_RBP },  { "R_PS", R_RFL },	      { "R_R0", R_RAX },  { "R_R1", R_RBX },
	{ "R_EAX", R_RAX }, { "R_EBX", R_RBX },	      { "R_ECX", R_RCX }, { "R_EDX", R_RDX },
	{ "R_ESI", R_RSI }, { "R_EDI", R_RDI },	      { "R_EBP", R_RBP }, { "R_ESP", R_RSP },
	{ "R_EIP", R_RIP }, { "R_EFL", R_RFL },	      { NULL, 0 },
};

/* -------------------------------------------------------- system calls -- */

/* syscall; int3 */
const uint8_t arch_syscall_stub[] = { 0x0f, 0x05, 0xcc };
const size_t arch_syscall_stub_len = sizeof(arch_syscall_stub);
const size_t arch_syscall_stub_trap = 2;
/* syscall; pause; jmp to the pause */
const uint8_t arch_syscall_safe_stub[] = { 0x0f, 0x05, 0xf3, 0x90, 0xeb, 0xfc };
const size_t arch_syscall_safe_stub_len = sizeof(arch_syscall_safe_stub);

static const uint8_t syscall_arg_word[] = {
	WORD(rdi), WORD(rsi), WORD(rdx), WORD(r10), WORD(r8), WORD(r9),
};

uint64_t arch_syscall_nr_get(const struct arch_regs *r)
{
	return r->w[WORD(orig_rax)];
}

int arch_syscall_nr_set(pid_t tid, struct arch_regs *r, uint64_t nr)
{
	int err = poke(tid, WORD(orig_rax), nr);

	if (err == 0)
		r->w[WORD(orig_rax)] = nr;
	return err;
}

uint64_t arch_syscall_arg(const struct arch_regs *r, unsigned n)
{
	return n < sizeof(syscall_arg_word) ? r->w[syscall_arg_word[n]] : 0;
}

int64_t arch_syscall_result(const struct arch_regs *r)
{
	return (int64_t)r->w[WORD(rax)];
}

void arch_syscall_setup(struct arch_regs *r, uint64_t pc, uint64_t nr, const uint64_t args[6])
{
	r->w[WORD(rip)] = pc;
	r->w[WORD(rax)] = nr;
	/* Not in a system call any more: else a restart would move pc by -2. */
	r->w[WORD(orig_rax)] = (uint64_t)-1;
	for (unsigned i = 0; i < sizeof(syscall_arg_word); i++)
		r->w[syscall_arg_word[i]] = args[i];
	/* A program that single-steps itself must not trap inside the stub. */
	r->w[WORD(eflags)] &= ~(uint64_t)EFLAGS_TF;
}

bool arch_in_syscall(const struct arch_regs *r)
{
	int64_t result = arch_syscall_result(r);

	/* ERESTARTSYS 512 ... ERESTART_RESTARTBLOCK 516, never seen by programs. */
	return (int64_t)r->w[WORD(orig_rax)] >= 0 && result <= -512 && result >= -516;
}

/* The kernel winds pc back after the stop: arch_in_syscall() tells. */
bool arch_syscall_rewound(const struct arch_regs *r, uint64_t pc, uint64_t sp)
{
	(void)r;
	(void)pc;
	(void)sp;
	return false;
}

/* The handler's return has taken its address off: sp is that of a struct ucontext. */
void arch_sigreturn_saved(const struct arch_regs *r, uint64_t *pc_at, uint64_t *sp_at)
{
	uint64_t gregs = arch_sp(r) + offsetof(ucontext_t, uc_mcontext.gregs);

	*pc_at = gregs + sizeof(greg_t) * REG_RIP;
	*sp_at = gregs + sizeof(greg_t) * REG_RSP;
}

const bool arch_patch_has_middle = true;

#define USER_CS 0x33
#define EFLAGS_ONE 0x2 /* always set */

/* rsp, rip, eflags, and cs with gs and fs (0) and ss. */
bool arch_sigframe_at(const uint64_t *words, size_t n)
{
	return n >= ARCH_SIGFRAME_WORDS && (words[3] & UINT64_C(0xffffffffffff)) == USER_CS &&
	       (words[2] & EFLAGS_ONE) && words[2] < UINT64_C(1) << 22;
}

uint32_t arch_audit(void)
{
	return AUDIT_ARCH_X86_64;
}

const char *arch_foreign(unsigned e_machine, unsigned e_class)
{
	if (e_machine == EM_X86_64)
		return e_class == ELFCLASS64 ? NULL : "an x32 program";
	if (e_machine == EM_386)
		return "a 32-bit x86 program";
	if (e_machine == EM_AARCH64)
		return "an aarch64 program";
	return "a program for another processor";
}

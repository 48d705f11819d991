/*
 * Runs a few bytes of machine code with a chosen register file and catches the
 * one afterwards.  For the tests of arch/x86_64/.
 *
 * The code leaves through an exit: a stub that notes it was reached and jumps
 * back to us.  Neither the stub nor what follows touches registers, flags or
 * the stack of the code before they are saved.
 */
#ifndef TESTS_RUN_CODE_H
#define TESTS_RUN_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

struct cpu {
	uint64_t gpr[16];
	uint64_t flags;
	uint64_t pad;
	uint8_t fx[512]; /* FXSAVE: x87 at 32, xmm at 160 */
} __attribute__((aligned(16)));

struct cpu run_cpu;
uint64_t run_host_sp, run_target;
void run_enter(void);
void run_leave(void);

__asm__(".text\n"
	".globl run_enter, run_leave\n"
	"run_enter:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, run_host_sp(%rip)\n"
	"	fxrstor64 run_cpu+144(%rip)\n"
	"	pushq run_cpu+128(%rip)\n"
	"	popfq\n"
	"	mov run_cpu+0(%rip), %rax\n"
	"	mov run_cpu+8(%rip), %rcx\n"
	"	mov run_cpu+16(%rip), %rdx\n"
	"	mov run_cpu+24(%rip), %rbx\n"
	"	mov run_cpu+32(%rip), %rsp\n"
	"	mov run_cpu+40(%rip), %rbp\n"
	"	mov run_cpu+48(%rip), %rsi\n"
	"	mov run_cpu+56(%rip), %rdi\n"
	"	mov run_cpu+64(%rip), %r8\n"
	"	mov run_cpu+72(%rip), %r9\n"
	"	mov run_cpu+80(%rip), %r10\n"
	"	mov run_cpu+88(%rip), %r11\n"
	"	mov run_cpu+96(%rip), %r12\n"
	"	mov run_cpu+104(%rip), %r13\n"
	"	mov run_cpu+112(%rip), %r14\n"
	"	mov run_cpu+120(%rip), %r15\n"
	"	jmp *run_target(%rip)\n"
	"run_leave:\n"
	"	mov %rax, run_cpu+0(%rip)\n"
	"	mov %rcx, run_cpu+8(%rip)\n"
	"	mov %rdx, run_cpu+16(%rip)\n"
	"	mov %rbx, run_cpu+24(%rip)\n"
	"	mov %rsp, run_cpu+32(%rip)\n"
	"	mov %rbp, run_cpu+40(%rip)\n"
	"	mov %rsi, run_cpu+48(%rip)\n"
	"	mov %rdi, run_cpu+56(%rip)\n"
	"	mov %r8, run_cpu+64(%rip)\n"
	"	mov %r9, run_cpu+72(%rip)\n"
	"	mov %r10, run_cpu+80(%rip)\n"
	"	mov %r11, run_cpu+88(%rip)\n"
	"	mov %r12, run_cpu+96(%rip)\n"
	"	mov %r13, run_cpu+104(%rip)\n"
	"	mov %r14, run_cpu+112(%rip)\n"
	"	mov %r15, run_cpu+120(%rip)\n"
	"	mov run_host_sp(%rip), %rsp\n"
	"	pushfq\n"
	"	popq run_cpu+128(%rip)\n"
	"	fxsave64 run_cpu+144(%rip)\n"
	"	cld\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n");

#define EXIT_LEN 28

/* movl $1, mark(%rip); jmp *leave(%rip); leave: .quad; mark: .long 0 */
static inline void exit_put(uint8_t *at)
{
	static const uint8_t head[16] = { 0xc7, 0x05, 14, 0, 0, 0, 1, 0, 0, 0, 0xff, 0x25 };
	uint64_t leave = (uint64_t)(uintptr_t)run_leave;
	uint32_t mark = 0;

	memcpy(at, head, sizeof(head));
	memcpy(at + 16, &leave, 8);
	memcpy(at + 24, &mark, 4);
}

static inline bool exit_taken(const uint8_t *at)
{
	uint32_t mark;

	memcpy(&mark, at + 24, 4);
	return mark != 0;
}

static inline void run_at(uint64_t pc)
{
	run_target = pc;
	run_enter();
}

/* A small random number generator, so that every failure repeats. */
static uint64_t random_state = 88172645463325252ULL;

static inline uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Values that make carries, overflows and zeroes likely. */
static inline uint64_t random_value(void)
{
	static const uint64_t corners[] = {
		0,	    1,		 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, INT64_MAX,  (uint64_t)INT64_MIN,
		UINT64_MAX, 0xf,	 0x10
	};
	uint64_t v = random_next();

	return v % 3 ? random_next() : corners[v / 3 % (sizeof(corners) / sizeof(corners[0]))];
}

#define FLAGS_ARITH 0x8d5 /* CF PF AF ZF SF OF */

static inline uint64_t random_flags(void)
{
	return 0x202 | (random_next() & FLAGS_ARITH);
}

#endif

/*
 * The bell: how a thread whose call must be told of asks the tracer to stop it.
 *
 * A signal of the kernel's dispatch would end the program if the tracer is killed
 * before it has taken that stop, and resets what a thread that blocks it has.  So
 * trampolines lead here instead: the thread says so in its ring, wakes who waits at
 * the shared word, and sleeps until it is stopped and moved on.  Without a tracer the
 * selector is 0 and it goes to make its call itself.
 *
 * The code stands at a fixed address among the slots, so its calls are not
 * dispatched.  rcx is where the thread goes on, at its call's copy.  Flags stay as they
 * are; registers are pushed below the red zone in the order of saved[].
 */
#include "near.h"

#include <stdlib.h>
#include <sys/user.h>

#define WORD(field) (offsetof(struct user_regs_struct, field) / sizeof(uint64_t))
#define TEXT(x) #x
#define STRING(x) TEXT(x)

/* What the code below has in it. */
#define SELECTOR 0x6dae0000
#define DOORBELL 0x6daf1000
#define TIME 0x6dadfff0
/* NOLINTBEGIN(misc-redundant-expression) */
_Static_assert(SELECTOR == ARCH_CALLS_WORD && DOORBELL == ARCH_CALLS_BELL_WORD &&
		       TIME == ARCH_CALLS_WORD - 16 && offsetof(struct arch_ring, bell) == 120,
	       "machine code has these in it");
/* NOLINTEND(misc-redundant-expression) */

__asm__(".pushsection .rodata\n"
	".balign 16\n"
	"x64_bell:\n"
	"	lea	-128(%rsp), %rsp\n"
	"x64_bell_pushes:\n"
	"	push	%rcx\n"
	"	push	%rax\n"
	"	push	%rdi\n"
	"	push	%rsi\n"
	"	push	%rdx\n"
	"	push	%r10\n"
	"x64_bell_body:\n"
	"	movl	$1, %gs:120\n" /* bell */
	"	mov	$202, %eax\n" /* futex(word, FUTEX_WAKE, 1) */
	"	mov	$" STRING(
		DOORBELL) ", %edi\n"
			  "	movl	$1, (%rdi)\n"
			  "	mov	$1, %esi\n"
			  "	mov	$1, %edx\n"
			  "	syscall\n"
			  "	mov	$202, %eax\n" /* futex(selector, FUTEX_WAIT, 1, time) */
			  "	mov	$" STRING(
				  SELECTOR) ", %edi\n"
					    "	mov	$0, %esi\n"
					    "	mov	$1, %edx\n"
					    "	mov	$" STRING(
						    TIME) ", %r10d\n"
							  "	syscall\n"
							  "	mov	$" STRING(
								  SELECTOR) ", %ecx\n"
									    "	movzbl	(%rcx), "
									    "%ecx\n"
									    "	jrcxz	"
									    "x64_bell_pops\n"
									    "	jmp	"
									    "x64_bell_body\n"
									    "x64_bell_pops:\n"
									    "	pop	%r10\n"
									    "	pop	%rdx\n"
									    "	pop	%rsi\n"
									    "	pop	%rdi\n"
									    "	pop	%rax\n"
									    "	pop	%rcx\n"
									    "	lea	128(%rsp), "
									    "%rsp\n"
									    "x64_bell_out:\n"
									    "	jmp	*%rcx\n"
									    "x64_bell_end:\n"
									    ".popsection\n");

#define LABEL(name) extern const uint8_t name[] __attribute__((visibility("hidden")))

LABEL(x64_bell);
LABEL(x64_bell_pushes);
LABEL(x64_bell_body);
LABEL(x64_bell_pops);
LABEL(x64_bell_out);
LABEL(x64_bell_end);

#define N_SAVED 6u
static const uint8_t saved[N_SAVED] = { WORD(rcx), WORD(rax), WORD(rdi),
					WORD(rsi), WORD(rdx), WORD(r10) };

#define SLEEP_NS 1000000u

void arch_bell_code(uint8_t out[ARCH_BELL_BYTES])
{
	static const uint64_t time[2] = { 0, SLEEP_NS }; /* struct timespec */

	memset(out, 0xcc, ARCH_BELL_BYTES);
	memcpy(out, x64_bell, (size_t)(x64_bell_end - x64_bell));
	memcpy(out + ARCH_BELL_BYTES - sizeof(time), time, sizeof(time));
}

/* The length of the push or pop of saved[i]. */
static unsigned push_len(unsigned i)
{
	return saved[i] == WORD(r10) ? 2 : 1;
}

/* How many words are saved and not yet taken back at off; *depth: rsp is that far down. */
static unsigned words_at(uint64_t off, unsigned *depth)
{
	uint64_t at = (uint64_t)(x64_bell_pushes - x64_bell);
	unsigned n = 0;

	*depth = off < at || off >= (uint64_t)(x64_bell_out - x64_bell) ? 0 : RED_ZONE;
	if (off < (uint64_t)(x64_bell_body - x64_bell)) {
		for (; n < N_SAVED && at + push_len(n) <= off; n++)
			at += push_len(n);
	} else {
		at = (uint64_t)(x64_bell_pops - x64_bell);
		for (n = N_SAVED; n && at + push_len(n - 1) <= off; n--)
			at += push_len(n - 1);
	}
	*depth += 8 * n;
	return n;
}

bool arch_bell_unwind(struct arch_regs *r, arch_read_fn *read, void *arg)
{
	uint64_t off = arch_pc(r) - ARCH_CALLS_BELL, sp, v;
	unsigned depth, n;

	if (off >= (uint64_t)(x64_bell_end - x64_bell))
		return false;
	n = words_at(off, &depth);
	sp = arch_sp(r) + depth;
	for (unsigned i = 0; i < n; i++) {
		if (!read(arg, sp - RED_ZONE - 8 * (i + 1), &v))
			return false;
		r->w[saved[i]] = v;
	}
	arch_set_sp(r, sp);
	arch_set_pc(r, r->w[WORD(rcx)]);
	r->w[WORD(orig_rax)] = UINT64_MAX; /* the program is in no call */
	return true;
}

void arch_bell_rung(struct arch_regs *r)
{
	r->w[WORD(orig_rax)] = r->w[WORD(rax)];
}

int64_t arch_raw_call(unsigned nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	register uint64_t r10 __asm__("r10") = d;
	int64_t result = nr;

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

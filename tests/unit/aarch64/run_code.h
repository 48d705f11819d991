/*
 * Runs a few words of machine code with a chosen register file and catches the
 * one afterwards.  For the tests of arch/aarch64/.
 *
 * The code is entered through a pad in front of it, which loads the last
 * register and branches, and left through exits: stubs that go back to us with
 * every register saved.  They use the stack below sp.
 */
#ifndef TESTS_RUN_CODE_H
#define TESTS_RUN_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define LR 30
#define SP 31

struct cpu {
	uint64_t x[32]; /* the last is sp */
	uint64_t nzcv;
	uint64_t exit; /* address of the exit taken */
	uint8_t v[32 * 16];
} __attribute__((aligned(16)));

struct cpu run_cpu;
uint64_t run_host[24], run_pad;
void run_enter(void);
void run_leave(void);

#define PAIRS(op, base)                                                                            \
	op " x0, x1, [" base "]\n" op " x2, x3, [" base ", #16]\n" op " x4, x5, [" base            \
	   ", #32]\n" op " x6, x7, [" base ", #48]\n" op " x8, x9, [" base ", #64]\n" op           \
	   " x10, x11, [" base ", #80]\n" op " x12, x13, [" base ", #96]\n" op " x14, x15, [" base \
	   ", #112]\n" op " x16, x17, [" base ", #128]\n" op " x18, x19, [" base ", #144]\n" op    \
	   " x20, x21, [" base ", #160]\n" op " x22, x23, [" base ", #176]\n" op                   \
	   " x24, x25, [" base ", #192]\n" op " x26, x27, [" base ", #208]\n"
#define VECTORS(op, base)                                                                   \
	op " q0, q1, [" base ", #0]\n" op " q2, q3, [" base ", #32]\n" op " q4, q5, [" base \
	   ", #64]\n" op " q6, q7, [" base ", #96]\n" op " q8, q9, [" base ", #128]\n" op   \
	   " q10, q11, [" base ", #160]\n" op " q12, q13, [" base ", #192]\n" op            \
	   " q14, q15, [" base ", #224]\n" op " q16, q17, [" base ", #256]\n" op            \
	   " q18, q19, [" base ", #288]\n" op " q20, q21, [" base ", #320]\n" op            \
	   " q22, q23, [" base ", #352]\n" op " q24, q25, [" base ", #384]\n" op            \
	   " q26, q27, [" base ", #416]\n" op " q28, q29, [" base ", #448]\n" op            \
	   " q30, q31, [" base ", #480]\n"

__asm__(".text\n"
	".globl run_enter, run_leave\n"
	".type run_enter, %function\n"
	"run_enter:\n"
	"	adrp x9, run_host\n"
	"	add x9, x9, :lo12:run_host\n"
	"	stp x18, x19, [x9]\n stp x20, x21, [x9, #16]\n stp x22, x23, [x9, #32]\n"
	"	stp x24, x25, [x9, #48]\n stp x26, x27, [x9, #64]\n stp x28, x29, [x9, #80]\n"
	"	mov x10, sp\n"
	"	stp x30, x10, [x9, #96]\n"
	"	stp d8, d9, [x9, #112]\n stp d10, d11, [x9, #128]\n"
	"	stp d12, d13, [x9, #144]\n stp d14, d15, [x9, #160]\n"
	"	adrp x30, run_cpu\n"
	"	add x30, x30, :lo12:run_cpu\n"
	"	add x9, x30, #272\n" VECTORS(
		"ldp",
		"x9") "	ldr x9, [x30, #256]\n"
		      "	msr nzcv, x9\n"
		      "	ldr x9, [x30, #248]\n"
		      "	mov sp, x9\n" PAIRS(
			      "ldp",
			      "x30") "	ldp x28, x29, [x30, #224]\n"
				     "	adrp x30, run_pad\n"
				     "	ldr x30, [x30, :lo12:run_pad]\n"
				     "	br x30\n"
				     /* On the stack: x29, the exit's address, x30. */
				     ".type run_leave, %function\n"
				     "run_leave:\n"
				     "	adrp x30, run_cpu\n"
				     "	add x30, x30, :lo12:run_cpu\n" PAIRS(
					     "stp",
					     "x30") "	ldp x0, x1, [sp], #16\n"
						    "	ldr x2, [sp], #16\n"
						    "	stp x28, x0, [x30, #224]\n"
						    "	mov x3, sp\n"
						    "	stp x2, x3, [x30, #240]\n"
						    "	mrs x4, nzcv\n"
						    "	stp x4, x1, [x30, #256]\n"
						    "	add x9, x30, #272\n" VECTORS(
							    "stp",
							    "x9") "	adrp x9, run_host\n"
								  "	add x9, x9, "
								  ":lo12:run_host\n"
								  "	ldp d8, d9, [x9, #112]\n "
								  "ldp d10, d11, [x9, #128]\n"
								  "	ldp d12, d13, [x9, #144]\n "
								  "ldp d14, d15, [x9, #160]\n"
								  "	ldp x30, x10, [x9, #96]\n"
								  "	mov sp, x10\n"
								  "	ldp x18, x19, [x9]\n ldp "
								  "x20, x21, [x9, #16]\n ldp x22, "
								  "x23, [x9, #32]\n"
								  "	ldp x24, x25, [x9, #48]\n "
								  "ldp x26, x27, [x9, #64]\n ldp "
								  "x28, x29, [x9, #80]\n"
								  "	ret\n");

/* Word by word: QEMU 7.2 goes on with the old code where vector stores wrote. */
static inline void code_put(void *at, const void *code, size_t len)
{
	for (size_t i = 0; i < len; i += 4) {
		uint32_t w;

		memcpy(&w, (const uint8_t *)code + i, 4);
		*(volatile uint32_t *)((uint8_t *)at + i) = w;
	}
	__builtin___clear_cache((char *)at, (char *)at + len);
}

#define EXIT_LEN 28

/* str x30, [sp, #-16]!; adr x30, .-4; stp x29, x30, [sp, #-16]!; ldr x30, +8; br x30 */
static inline void exit_put(uint8_t *at)
{
	uint32_t w[EXIT_LEN / 4] = { 0xf81f0ffe, 0x10fffffe, 0xa9bf7bfd, 0x5800005e, 0xd61f03c0 };
	uint64_t leave = (uint64_t)(uintptr_t)run_leave;

	memcpy(w + 5, &leave, 8);
	code_put(at, w, sizeof(w));
}

#define PAD_LEN 16 /* in front of the code */

/* ldr x30, +8; b +12; the register's value. */
static inline void pad_put(uint64_t pc, uint64_t lr)
{
	uint32_t w[PAD_LEN / 4] = { 0x5800005e, 0x14000003 };

	memcpy(w + 2, &lr, 8);
	run_pad = pc - PAD_LEN;
	code_put((uint8_t *)(uintptr_t)run_pad, w, sizeof(w));
}

static inline void run_at(uint64_t pc)
{
	pad_put(pc, run_cpu.x[LR]);
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

static inline uint64_t random_nzcv(void)
{
	return (random_next() & 0xf) << 28;
}

#endif

/*
 * Counters of CPUs, raised without atomics in restartable sequences by threads
 * that move between CPUs.  Their sum is right only if every sequence that was
 * interrupted starts anew.
 */
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/rseq.h>

#define THREADS 4
#ifndef CALLS
#define CALLS 20000
#endif

static struct {
	volatile uint64_t n;
	char pad[56];
} counters[1024];

/* What stands before the place where an interrupted sequence goes on: RSEQ_SIG. */
#ifdef __x86_64__
#define BEGINS                    \
	"leaq 5b(%%rip), %%rax\n" \
	"movq %%rax, %c[cs](%[area])\n"
#define RAISES                               \
	"movl %c[cpu](%[area]), %%ecx\n"     \
	"shlq $6, %%rcx\n"                   \
	"movq (%[counters], %%rcx), %%rdx\n" \
	"addq $1, %%rdx\n"                   \
	"movq %%rdx, (%[counters], %%rcx)\n"
#define GOES_TO "jmp "
#define SIGNATURE ".byte 0x0f, 0xb9, 0x3d\n.long 0x53053053\n"
#define CHANGED "rax", "rcx", "rdx", "memory", "cc"
#else
#define BEGINS                   \
	"adrp x9, 5b\n"          \
	"add x9, x9, :lo12:5b\n" \
	"str x9, [%[area], %[cs]]\n"
#define RAISES                         \
	"ldr w9, [%[area], %[cpu]]\n"  \
	"lsl x9, x9, #6\n"             \
	"ldr x10, [%[counters], x9]\n" \
	"add x10, x10, #1\n"           \
	"str x10, [%[counters], x9]\n"
#define GOES_TO "b "
#define SIGNATURE ".inst 0xd428bc00\n"
#define CHANGED "x9", "x10", "memory"
#endif

/* True: done; false: interrupted, nothing was changed. */
__attribute__((noinline)) int count(struct rseq *area)
{
	__asm__ goto(
		".pushsection __rseq_cs, \"aw\"\n"
		".balign 32\n"
		"5: .long 0, 0\n"
		".quad 1f, 2f - 1f, 4f\n"
		".popsection\n" BEGINS "1:\n" RAISES "2:\n" GOES_TO "3f\n" SIGNATURE "4: " GOES_TO
		"%l[interrupted]\n"
		"3:\n"
		:
		: [area] "r"(area), [counters] "r"(counters),
		  [cs] "i"(offsetof(struct rseq, rseq_cs)), [cpu] "i"(offsetof(struct rseq, cpu_id))
		: CHANGED
		: interrupted);
	return 1;
interrupted:
	return 0;
}

static void *raises(void *arg)
{
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);

	(void)arg;
	for (int i = 0; i < CALLS; i++) {
		while (!count(area))
			;
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

int main(void)
{
	pthread_t t[THREADS];
	uint64_t sum = 0;

	if (!__rseq_size) {
		puts("no rseq");
		return 77;
	}
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, raises, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 1024; i++)
		sum += counters[i].n;
	printf("sum %lu\n", (unsigned long)sum);
	return 0;
}

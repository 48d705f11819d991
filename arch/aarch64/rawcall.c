/*
 * A system call that leaves errno alone: for a task that shares ours.
 */
#include "../record.h"

int64_t arch_raw_call(unsigned nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	register uint64_t x8 __asm__("x8") = nr;
	register uint64_t x0 __asm__("x0") = a;
	register uint64_t x1 __asm__("x1") = b;
	register uint64_t x2 __asm__("x2") = c;
	register uint64_t x3 __asm__("x3") = d;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return (int64_t)x0;
}

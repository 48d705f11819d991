/*
 * loop KIND N: does one thing N times and prints ns per round.
 *	call     calls probed(i, i + 1)
 *	usdt     passes the static probe bench:::hit with the same arguments
 *	getppid  the system call
 *	getuid   another one (for probes that name getppid)
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <sys/sdt.h>

__attribute__((noinline)) long probed(long a, long b)
{
	__asm__ volatile("" : : : "memory");
	return a + b;
}

__attribute__((noinline)) long noted(long a, long b)
{
	DTRACE_PROBE2(bench, hit, a, b);
	return a + b;
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? atol(argv[2]) : 1000, sum = 0;
	const char *kind = argc > 1 ? argv[1] : "call";
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	if (!strcmp(kind, "call"))
		for (long i = 0; i < n; i++)
			sum += probed(i, i + 1);
	else if (!strcmp(kind, "usdt"))
		for (long i = 0; i < n; i++)
			sum += noted(i, i + 1);
	else
		for (long i = 0; i < n; i++)
			sum += syscall(strcmp(kind, "getppid") ? SYS_getuid : SYS_getppid);
	clock_gettime(CLOCK_MONOTONIC, &b);
	double ns = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);

	fprintf(stderr, "ns %.1f\n", ns / (double)n);
	return sum == 42;
}

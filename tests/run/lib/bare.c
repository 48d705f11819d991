/*
 * Stacks of code without unwind tables: handlers of signals, one within the
 * other, on a stack of their own; a function that leaves the frame pointer
 * alone; functions to be looked at between all of their instructions.
 */
#include <alloca.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define KEEP __attribute__((noinline))

volatile int sink;

KEEP int leaf(int n)
{
	sink += n;
	return sink;
}

static void on_second(int sig)
{
	sink += leaf(sig) + 1;
}

static void on_first(int sig)
{
	raise(SIGUSR2);
	sink += sig;
}

KEEP int interrupted(int n)
{
	raise(SIGUSR1);
	return sink + n;
}

/* Compiled without a frame pointer: that of its caller is still there. */
__attribute__((optimize("omit-frame-pointer"))) KEEP int frameless(int n)
{
	int r = leaf(n);

	return r + sink + n;
}

KEEP int stepped(int a, int b, int c)
{
	int r = leaf(a) * b;

	if (r > c)
		r += leaf(c) + b;
	return r + a;
}

/* Room of a size that isn't in the code, and more of it than one instruction makes. */
KEEP int grown(int n)
{
	volatile char large[70000], *more = alloca((size_t)n);

	large[n] = more[0] = 1;
	return leaf(n) + large[n] + more[0];
}

KEEP int recursive(int n)
{
	volatile int left = n;

	return left ? recursive(left - 1) + left : leaf(n);
}

KEEP int through(int (*f)(int), int n)
{
	int r = f(n);

	return r + sink;
}

int main(void)
{
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_flags = SA_ONSTACK };

	sigaltstack(&ss, NULL);
	sa.sa_handler = on_first;
	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_handler = on_second;
	sigaction(SIGUSR2, &sa, NULL);
	through(interrupted, 1);
	through(frameless, 2);
	through(recursive, 9994);
	for (int i = 0; i < 3; i++)
		sink += stepped(i, 2, 1);
	sink += grown(64);
	return 0;
}

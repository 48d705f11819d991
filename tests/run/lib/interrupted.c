/*
 * What programs do with the places where they were interrupted: a handler that
 * knows the faulting instruction by its address, a thread cancelled while it
 * sleeps in a call, backtrace() from the depth.  Prints the same traced or not.
 */
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

extern char load_here[], load_after[];
static volatile unsigned long n_handled, n_elsewhere;

/* 0 where p can't be read: its handler knows the load by its address. */
NOINLINE long load(const long *p)
{
	long v;

#if defined(__x86_64__)
	__asm__ volatile(".globl load_here, load_after\n"
			 "load_here: movq (%1), %0\n"
			 "load_after:"
			 : "=r"(v)
			 : "r"(p)
			 : "memory");
#else
	__asm__ volatile(".globl load_here, load_after\n"
			 "load_here: ldr %0, [%1]\n"
			 "load_after:"
			 : "=r"(v)
			 : "r"(p)
			 : "memory");
#endif
	return v;
}

static void on_fault(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;
#if defined(__x86_64__)
	greg_t *pc = &uc->uc_mcontext.gregs[REG_RIP];
#else
	unsigned long long *pc = &uc->uc_mcontext.pc;
#endif

	(void)sig;
	(void)si;
	if ((unsigned long)*pc == (unsigned long)load_here)
		n_handled++;
	else
		n_elsewhere++;
	if (n_elsewhere > 10)
		_exit(9);
	*pc = (unsigned long)load_after;
}

static void faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	for (int i = 0; i < 1000; i++)
		load((const long *)8);
	signal(SIGSEGV, SIG_DFL);
	printf("faults %lu elsewhere %lu\n", n_handled, n_elsewhere);
}

static int fds[2];

static void cleanup(void *arg)
{
	++*(int *)arg;
}

static void *sleeps_in_read(void *arg)
{
	char c;

	pthread_cleanup_push(cleanup, arg);
	if (write(fds[1], "x", 1) == 1 && read(fds[0], &c, 1) == 1)
		while (read(fds[0], &c, 1) == 1)
			;
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancels(void)
{
	int n_cleaned = 0, n_cancelled = 0;

	for (int i = 0; i < 50; i++) {
		pthread_t t;
		void *result;

		if (pipe(fds) || pthread_create(&t, NULL, sleeps_in_read, &n_cleaned))
			_exit(8);
		if (i % 2)
			usleep(1000);
		pthread_cancel(t);
		pthread_join(t, &result);
		n_cancelled += result == PTHREAD_CANCELED;
		close(fds[0]);
		close(fds[1]);
	}
	printf("cancelled %d cleaned %d\n", n_cancelled, n_cleaned);
}

NOINLINE int bottom(void)
{
	void *frames[64];
	int n = backtrace(frames, 64), ours = 0;
	extern char __executable_start[], etext[];

	for (int i = 0; i < n; i++)
		ours += (char *)frames[i] >= __executable_start && (char *)frames[i] < etext;
	return ours;
}

NOINLINE int down(int depth)
{
	return depth ? down(depth - 1) + 0 * depth : bottom();
}

int main(void)
{
	int least = 1000, most = 0;

	faults();
	cancels();
	for (int i = 0; i < 100; i++) {
		int n = down(10);

		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	printf("frames %d to %d\n", least, most);
	return 0;
}

/*
 * The machine's raw limits: what the cheapest possible tracer pays.
 *
 *	int3      a breakpoint stop and PTRACE_CONT, both on one CPU
 *	seccomp   a SECCOMP_RET_TRACE stop and PTRACE_CONT, both on one CPU
 *	syscall   a bare getppid
 *	filtered  getppid under a filter that allows it
 *	stub      a call of a function that stores the time stamp counter and two registers: what
 *	          a trampoline that leaves a record can't be cheaper than
 *
 * Prints one "name ns" line each.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STOPS 20000
#define CALLS 2000000
#define STUBS 10000000

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int install_filter(unsigned nr, unsigned action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

static void breakpoints(void)
{
	for (int i = 0; i < STOPS; i++)
		__asm__ volatile(
#if defined(__x86_64__)
			"int3"
#else
			"brk #0"
#endif
		);
}

static void getppids(void)
{
	for (int i = 0; i < STOPS; i++)
		syscall(SYS_getppid);
}

/* Runs body in a traced child; prints ns per stop. */
static int measure(const char *name, void (*body)(void), int filter)
{
	int status, stops = 0;
	uint64_t t0 = 0;
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		if (filter && install_filter(SYS_getppid, SECCOMP_RET_TRACE))
			_exit(1);
		body();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
	ptrace(PTRACE_CONT, pid, 0, 0);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		if (stops++ == 0)
			t0 = now();
#if defined(__aarch64__)
		if (!filter) {
			/* brk does not advance. */
			struct {
				uint64_t r[34];
			} regs;
			struct {
				void *p;
				size_t n;
			} iov = { &regs, sizeof(regs) };

			ptrace(PTRACE_GETREGSET, pid, 1, &iov);
			regs.r[32] += 4;
			ptrace(PTRACE_SETREGSET, pid, 1, &iov);
		}
#endif
		ptrace(PTRACE_CONT, pid, 0, 0);
	}
	if (stops < 2)
		return 1;
	printf("%s %.0f\n", name, (double)(now() - t0) / (stops - 1));
	return 0;
}

static int bare_syscalls(void)
{
	uint64_t t0 = now();

	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	printf("syscall %.1f\n", (double)(now() - t0) / CALLS);
	if (install_filter(SYS_reboot, SECCOMP_RET_ALLOW))
		return 1;
	t0 = now();
	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	printf("filtered %.1f\n", (double)(now() - t0) / CALLS);
	return 0;
}

static uint64_t counter(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#endif
}

__attribute__((noinline)) static void stub(volatile uint64_t *record, uint64_t a, uint64_t b)
{
	record[0] = counter();
	record[1] = a;
	record[2] = b;
}

static void stubs(void)
{
	static uint64_t records[4 * 1024];
	uint64_t t0 = now();

	for (uint64_t i = 0; i < STUBS; i++)
		stub(records + 4 * (i & 1023), i, i + 1);
	printf("stub %.1f\n", (double)(now() - t0) / STUBS);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	pin();
	stubs();
	if (measure("int3", breakpoints, 0) || measure("seccomp", getppids, 1))
		return 1;
	return bare_syscalls();
}

/*
 * A thread that shares its creator's thread pointer (clone() without CLONE_SETTLS), as the
 * child of a vfork() does: both call work(), first at once, then by turns.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS 300

static char stack[65536] __attribute__((aligned(16)));
static volatile int tid, sum[2];

__attribute__((noinline, noclone)) int work(int i)
{
	__asm__ volatile("");
	return i & 1;
}

/* No call of libc's: its errno would be the creator's. */
static int other(void *arg)
{
	(void)arg;
	for (int i = 0; i < CALLS; i++)
		sum[1] += work(i);
	return 0;
}

int main(void)
{
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_SYSVSEM |
		    CLONE_THREAD | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

	for (int i = 0; i < CALLS; i++)
		sum[0] += work(i);
	if (clone(other, stack + sizeof(stack), flags, NULL, &tid, NULL, &tid) < 0)
		return 1;
	for (int i = 0; i < CALLS; i++)
		sum[0] += work(i);
	for (int t; (t = tid) != 0;)
		syscall(SYS_futex, &tid, FUTEX_WAIT, t, NULL, NULL, 0);
	for (int i = 0; i < CALLS; i++)
		sum[0] += work(i);
	pid_t child = vfork();
	if (child == 0) {
		for (int i = 0; i < CALLS; i++)
			work(i);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	for (int i = 0; i < CALLS; i++)
		sum[0] += work(i);
	printf("%d %d\n", sum[0], sum[1]);
	return 0;
}

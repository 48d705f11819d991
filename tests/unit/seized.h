/*
 * A fixture under ptrace, for tests of what looks into processes: started
 * seized, run from one stop to the next.  It is killed with the test.
 */
#ifndef SEIZED_H
#define SEIZED_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs until a signal stop; returns the signal, 0 if it exited. */
static inline int seized_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) == pid) {
		if (!WIFSTOPPED(status))
			return 0;
		if (!(status >> 16))
			return WSTOPSIG(status);
		ptrace(PTRACE_CONT, pid, 0, 0);
	}
	return 0;
}

/* Lets it go on without the signal. */
static inline int seized_cont(pid_t pid)
{
	ptrace(PTRACE_CONT, pid, 0, 0);
	return seized_wait(pid);
}

/* As seized_cont(), but sig is delivered. */
static inline int seized_deliver(pid_t pid, int sig)
{
	ptrace(PTRACE_CONT, pid, 0, sig);
	return seized_wait(pid);
}

/* Runs until it has called exec, but not a step further. */
static inline bool seized_wait_exec(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		if (status >> 16 == PTRACE_EVENT_EXEC)
			return true;
		ptrace(PTRACE_CONT, pid, 0, 0);
	}
	return false;
}

/* Starts FIXTURES/name [arg] and returns its pid; it has not run yet. */
static inline pid_t seized_start(const char *name, const char *arg)
{
	char path[4096], c;
	int fds[2];

	snprintf(path, sizeof(path), "%s/%s", FIXTURES, name);
	if (pipe(fds))
		return -1;
	pid_t pid = fork();

	if (!pid) {
		close(fds[1]);
		if (read(fds[0], &c, 1) == 1)
			execl(path, path, arg, (char *)NULL);
		_exit(127);
	}
	close(fds[0]);
	if (pid > 0 && ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC)) {
		perror("PTRACE_SEIZE");
		pid = -1;
	}
	if (write(fds[1], "x", 1) != 1)
		pid = -1;
	close(fds[1]);
	return pid;
}

static inline void seized_kill(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static inline size_t seized_read(void *arg, uint64_t addr, void *buf, size_t len)
{
	struct iovec to = { buf, len }, from = { (void *)(uintptr_t)addr, len };
	ssize_t n = process_vm_readv(*(pid_t *)arg, &to, 1, &from, 1, 0);

	return n < 0 ? 0 : (size_t)n;
}

#endif

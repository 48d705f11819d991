#!/usr/bin/env -S dtrace -s
/*
 * sysslow.d - system calls that take N microseconds or more, as they happen
 *
 * USAGE
 *	dtrace -s sysslow.d -c 'program arguments' N
 *	dtrace -s sysslow.d -p PID N
 *
 * Without N: 10000.
 *
 * SAMPLE
 *	$ dtrace -s sysslow.d -c 'sleep 0.05' 1000
 *	PID     TID     PROGRAM          CALL                  TIME (us)
 *	24792   24792   sleep            execve                     6331
 *	24792   24792   sleep            clock_nanosleep           53405
 */
#pragma D option quiet
#pragma D option defaultargs

inline int limit = $1 ? $1 : 10000;

BEGIN
{
	printf("%-7s %-7s %-16s %-20s %10s\n", "PID", "TID", "PROGRAM", "CALL", "TIME (us)");
}

syscall:::entry
{
	self->at = timestamp;
}

syscall:::return
/self->at && timestamp - self->at >= limit * 1000/
{
	printf("%-7d %-7d %-16s %-20s %10d\n", pid, tid, execname, probefunc,
	    (timestamp - self->at) / 1000);
}

syscall:::return
{
	self->at = 0;
}

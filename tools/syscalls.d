#!/usr/bin/env -S dtrace -s
/*
 * syscalls.d - a summary of system calls like that of strace -c: calls, failures, time
 *
 * USAGE
 *	dtrace -s syscalls.d -c 'program arguments'
 *	dtrace -s syscalls.d -p PID
 *
 * SAMPLE
 *	$ dtrace -s syscalls.d -c 'ls /'
 *	statfs                            2          2         4320
 *	brk                               3          0          100
 *	mprotect                          5          0          171
 *	read                              7          0          150
 *	newfstatat                       22          0          291
 *	close                            23          0         1127
 *	mmap                             30          0          752
 *	openat                           34         13          447
 */
#pragma D option quiet

syscall:::entry
{
	self->at = timestamp;
	@calls[probefunc] = count();
}

syscall:::return
/errno/
{
	@failed[probefunc] = count();
}

syscall:::return
/self->at/
{
	@us[probefunc] = sum((timestamp - self->at) / 1000);
	self->at = 0;
}

END
{
	printf("%-24s %10s %10s %12s\n", "CALL", "CALLS", "FAILED", "TIME (us)");
	printa("%-24s %@10d %@10d %@12d\n", @calls, @failed, @us);
}

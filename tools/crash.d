#!/usr/bin/env -S dtrace -s
/*
 * crash.d - what a process dies of: the fault or signal, its address, and the stack
 *
 * USAGE
 *	dtrace -s crash.d -c 'program arguments'
 *	dtrace -s crash.d -p PID
 *
 * SAMPLE
 *	$ dtrace -s crash.d -c ./procs
 *	procs (24979): fault 1, signal 4, at address 0x560e572e33ab
 *
 *	              procs`main+0x18d
 *	              libc.so.6`__libc_start_call_main+0x7a
 *	              libc.so.6`__libc_start_main+0x85
 *	              procs`_start+0x21
 *	procs (24980): fault 6, signal 11, at address 0x1234
 *
 *	              procs`main+0x199
 *	...
 */
#pragma D option quiet

proc:::fault
{
	printf("%s (%d): fault %d, signal %d, at address 0x%x\n", execname, pid, args[0],
	    args[1]->si_signo, (uintptr_t)args[1]->si_addr);
	ustack();
}

proc:::signal-handle
/arg2 == 0 && args[1]->si_code <= 0/
{
	printf("%s (%d): signal %d from %d\n", execname, pid, args[0], args[1]->si_pid);
	ustack();
}

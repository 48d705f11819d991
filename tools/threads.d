#!/usr/bin/env -S dtrace -s
/*
 * threads.d - threads of the traced processes: births, ends, and time on a CPU
 *
 * USAGE
 *	dtrace -s threads.d -c 'program arguments'
 *	dtrace -s threads.d -p PID
 *
 * SAMPLE
 *	$ dtrace -s threads.d -c './demo locks'
 *	PID     TID     NAME
 *	24897   24902   demo             starts
 *	24897   24902   demo             ends after 20190 us, of which 57 us on a CPU
 *	24897   24897   demo             ends after 21521 us, of which 861 us on a CPU
 */
#pragma D option quiet

BEGIN
{
	start = timestamp;
	printf("%-7s %-7s %-16s\n", "PID", "TID", "NAME");
}

proc:::lwp-start
{
	self->at = timestamp;
	printf("%-7d %-7d %-16s starts\n", pid, tid, execname);
}

proc:::lwp-exit
{
	printf("%-7d %-7d %-16s ends after %d us, of which %d us on a CPU\n", pid, tid, execname,
	    (timestamp - (self->at ? self->at : start)) / 1000, vtimestamp / 1000);
	self->at = 0;
}

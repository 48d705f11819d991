#!/usr/bin/env -S dtrace -s
/*
 * signals.d - signals sent, handled and discarded, as they happen
 *
 * USAGE
 *	dtrace -s signals.d -c 'program arguments'
 *	dtrace -s signals.d -p PID
 *
 * What the kernel itself sends shows when it arrives.
 *
 * SAMPLE
 *	$ dtrace -s signals.d -c ./procs
 *	PID     PROGRAM          WHAT      SIGNAL
 *	24855   procs            sends         10  to 24855 (procs)
 *	24855   procs            handles       10
 *	24855   procs            sends         12  to 24855 (procs)
 *	24855   procs            ignores       12
 *	24855   procs            sends          2  to 24855 (procs)
 *	24855   procs            ignores       17
 *	24861   procs            handles        4  by dying
 *	24855   procs            ignores       17
 *	...
 */
#pragma D option quiet

BEGIN
{
	printf("%-7s %-16s %-9s %6s  %s\n", "PID", "PROGRAM", "WHAT", "SIGNAL", "");
}

proc:::signal-send
{
	printf("%-7d %-16s %-9s %6d  to %d (%s)\n", pid, execname, "sends", args[2],
	    args[1]->pr_pid, args[1]->pr_fname);
}

proc:::signal-handle
{
	printf("%-7d %-16s %-9s %6d  %s\n", pid, execname, "handles", args[0],
	    arg2 ? "" : "by dying");
}

proc:::signal-discard
{
	printf("%-7d %-16s %-9s %6d\n", pid, execname, "ignores", args[2]);
}

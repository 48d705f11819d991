#!/usr/bin/env -S dtrace -s
/*
 * exectree.d - the programs that a command runs, as a tree, with arguments, times and ends
 *
 * USAGE
 *	dtrace -s exectree.d -c 'program arguments'
 *	dtrace -s exectree.d -p PID
 *
 * SAMPLE
 *	$ dtrace -s exectree.d -c "sh -c 'ls / | wc; true'"
 *	      MS  PROGRAM
 *	       0  24876 sh -c ls / | wc; true
 *	       1    24878 ls /
 *	       2    24878 ls exits after 0 ms
 *	       3    24879 wc
 *	       3    24879 wc exits after 0 ms
 *	       3  24876 sh exits after 3 ms
 */
#pragma D option quiet

BEGIN
{
	start = timestamp;
	depth[$target] = 0;
	printf("%8s  %s\n", "MS", "PROGRAM");
}

proc:::create
{
	depth[args[0]->pr_pid] = depth[pid] + 1;
}

proc:::exec-success
{
	born[pid] = timestamp;
	printf("%8d  %*s%d %s\n", (timestamp - start) / 1000000, depth[pid] * 2, "", pid,
	    curpsinfo->pr_psargs);
}

proc:::exec-failure
{
	printf("%8d  %*s%d (exec: error %d)\n", (timestamp - start) / 1000000, depth[pid] * 2, "",
	    pid, args[0]);
}

proc:::exit
{
	printf("%8d  %*s%d %s %s after %d ms\n", (timestamp - start) / 1000000, depth[pid] * 2, "",
	    pid, execname, args[0] == CLD_EXITED ? "exits" : "is killed",
	    (timestamp - (born[pid] ? born[pid] : start)) / 1000000);
}

#!/usr/bin/env -S dtrace -s
/*
 * pyflow.d - the lines of Python that run, with their functions and files
 *
 * USAGE
 *	dtrace -s pyflow.d -c 'python3.11 script.py'
 *	dtrace -s pyflow.d -p PID
 *
 * Needs an interpreter with static probes (Debian's /usr/bin/python3.11). Its function-entry
 * probe does not fire for ordinary calls, so the flow is that of lines and returns.
 * The interpreter's own modules are left out.
 *
 * SAMPLE
 *	$ dtrace -s pyflow.d -c 'python3.11 sample.py'
 *	FILE                       LINE FUNCTION
 *	sample.py                     1 <module>
 *	sample.py                     4 <module>
 *	sample.py                    10 <module>
 *	sample.py                     5 total
 *	sample.py                     6 total
 *	sample.py                     7 total
 *	sample.py                     2 add
 *	sample.py                     2 add returns
 *	...
 */
#pragma D option quiet
#pragma D option strsize=512

BEGIN
{
	printf("%-24s %6s %s\n", "FILE", "LINE", "FUNCTION");
}

python$target:::line
/substr(copyinstr(arg0), 0, 15) != "/usr/lib/python" && substr(copyinstr(arg0), 0, 1) != "<"/
{
	printf("%-24s %6d %s\n", basename(copyinstr(arg0)), arg2, copyinstr(arg1));
}

python$target:::function-return
/substr(copyinstr(arg0), 0, 15) != "/usr/lib/python" && substr(copyinstr(arg0), 0, 1) != "<"/
{
	printf("%-24s %6d %s returns\n", basename(copyinstr(arg0)), arg2, copyinstr(arg1));
}

#!/usr/bin/env -S dtrace -s
/*
 * funccount.d - how often each function of an object is called
 *
 * USAGE
 *	dtrace -s funccount.d -c 'program arguments' OBJECT
 *	dtrace -s funccount.d -p PID OBJECT
 *
 * OBJECT is the name of a library (libc.so.6), or a.out for the program itself.
 *
 * SAMPLE
 *	$ dtrace -s funccount.d -c './demo files' a.out
 *	FUNCTION                                                CALLS
 *	_start                                                      1
 *	files                                                       1
 *	main                                                        1
 */
#pragma D option quiet

pid$target:$1::entry
{
	@[probefunc] = count();
}

END
{
	printf("%-48s %12s\n", "FUNCTION", "CALLS");
	printa("%-48s %@12d\n", @);
}

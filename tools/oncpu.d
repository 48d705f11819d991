#!/usr/bin/env -S dtrace -s
/*
 * oncpu.d - the functions that run most, sampled 997 times a second
 *
 * USAGE
 *	dtrace -s oncpu.d -c 'program arguments'
 *	dtrace -s oncpu.d -p PID
 *
 * SAMPLE
 *	$ dtrace -s oncpu.d -c './demo spin'
 *	326 samples
 *	FUNCTION                                                        SAMPLES
 *	[vdso]`clock_gettime                                                 17
 *	demo`crunch                                                         309
 */
#pragma D option quiet

profile:::profile-997
/arg1/
{
	@[usym(arg1)] = count();
	@all = count();
}

END
{
	printa("%@d samples\n", @all);
	trunc(@, 20);
	printf("%-60s %10s\n", "FUNCTION", "SAMPLES");
	printa("%-60A %@10d\n", @);
}

#!/usr/bin/env -S dtrace -s
/*
 * flame.d - stacks of what runs, sampled 97 times a second, for a flame graph
 *
 * USAGE
 *	dtrace -s flame.d -c 'program arguments'
 *	dtrace -s flame.d -p PID
 *
 * The output is what stackcollapse.pl of the FlameGraph scripts reads:
 *
 * 	dtrace -s flame.d -o out -p PID; stackcollapse.pl out | flamegraph.pl > graph.svg
 *
 * SAMPLE
 *	$ dtrace -s flame.d -c './demo spin'
 *	              demo`crunch+0xd
 *	              demo`main+0xb6
 *	              libc.so.6`__libc_start_call_main+0x7a
 *	              libc.so.6`__libc_start_main+0x85
 *	              demo`_start+0x21
 *	                2
 *
 *	              [vdso]`clock_gettime+0xf1
 *	              libc.so.6`clock_gettime+0x19
 *	...
 */
#pragma D option quiet
#pragma D option ustackframes=64

profile:::profile-97
/arg1/
{
	@[ustack()] = count();
}

#!/usr/bin/env -S dtrace -s
/*
 * exceptions.d - C++ exceptions: what is thrown, from where, and how often it is caught
 *
 * USAGE
 *	dtrace -s exceptions.d -c 'program arguments'
 *	dtrace -s exceptions.d -p PID
 *
 * Watches libstdc++'s own probes; a program that links it statically has them too.
 *
 * SAMPLE
 *	$ dtrace -s exceptions.d -c ./throws
 *	thrown 3, thrown again 0, caught 3
 *	St13runtime_error
 *	libstdc++.so.6.0.30`__cxa_throw+0x11
 *	throws`fail(int)+0x55
 *	throws`main+0x3c
 *	libc.so.6`__libc_start_call_main+0x7a
 *	libc.so.6`__libc_start_main+0x85
 *	           3
 */
#pragma D option quiet

libstdcxx$target:::throw
{
	@thrown[copyinstr(*(uint64_t *)copyin(arg1 + 8, 8)), ustack(5)] = count();
	thrown++;
}

libstdcxx$target:::rethrow
{
	again++;
}

libstdcxx$target:::catch
{
	caught++;
}

END
{
	printf("thrown %d, thrown again %d, caught %d\n", thrown, again, caught);
	printa("%s%k%@12d\n", @thrown);
}

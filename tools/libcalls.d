#!/usr/bin/env -S dtrace -s
/*
 * libcalls.d - calls into an object with arguments and results, as ltrace shows them
 *
 * USAGE
 *	dtrace -s libcalls.d -c 'program arguments' OBJECT
 *	dtrace -s libcalls.d -p PID OBJECT
 *
 * OBJECT is the name of a library, for example libm.so.6. The functions themselves are watched,
 * so programs linked with -z now are no exception, and calls within the library show as well.
 *
 * SAMPLE
 *	$ dtrace -Z -s libcalls.d -c './usdt_load 2' libusdt_plug.so
 *	sum 6
 *	24610   plugged(0x0, 0x0, 0x1)
 *	24610   plugged = 0x1
 *	24610   plugged(0x1, 0x0, 0x1)
 *	24610   plugged = 0x2
 *	24610   plugged(0x0, 0x0, 0x1)
 *	24610   plugged = 0x1
 *	24610   plugged(0x1, 0x0, 0x1)
 *	24610   plugged = 0x2
 */
#pragma D option quiet

self int in;

pid$target:$1::entry
{
	printf("%-7d %*s%s(0x%x, 0x%x, 0x%x)\n", tid, self->in * 2, "", probefunc, arg0, arg1,
	    arg2);
	self->in++;
}

pid$target:$1::return
/self->in > 0/
{
	self->in--;
	printf("%-7d %*s%s = 0x%x\n", tid, self->in * 2, "", probefunc, arg1);
}

#!/usr/bin/env -S dtrace -s
/*
 * slowcalls.d - calls of a program's own functions that take N microseconds or more
 *
 * USAGE
 *	dtrace -s slowcalls.d -c 'program arguments' N
 *	dtrace -s slowcalls.d -p PID N
 *
 * Without N: 1000.
 *
 * SAMPLE
 *	$ dtrace -s slowcalls.d -c './demo locks' 500
 *	FUNCTION                                 SLOW CALLS   LONGEST (us)
 *	hold                                              1          20285
 *	waiter                                            1          20311
 *	main                                              1          23105
 */
#pragma D option quiet
#pragma D option defaultargs

inline int limit = $1 ? $1 : 1000;

pid$target:a.out::entry
{
	self->depth++;
	self->at[self->depth] = timestamp;
}

pid$target:a.out::return
/self->depth > 0/
{
	this->us = (timestamp - self->at[self->depth]) / 1000;
	self->at[self->depth] = 0;
	self->depth--;
	this->is_slow = this->us >= limit;
}

pid$target:a.out::return
/this->is_slow/
{
	@n[probefunc] = count();
	@worst[probefunc] = max(this->us);
	this->is_slow = 0;
}

END
{
	printf("%-40s %10s %14s\n", "FUNCTION", "SLOW CALLS", "LONGEST (us)");
	printa("%-40s %@10d %@14d\n", @n, @worst);
}

#!/usr/bin/env -S dtrace -s
/*
 * calltree.d - the calls of a program's own functions, indented, each with its time
 *
 * USAGE
 *	dtrace -s calltree.d -c 'program arguments'
 *	dtrace -s calltree.d -p PID
 *
 * SAMPLE
 *	$ dtrace -s calltree.d -c './demo heap'
 *	24480     -> _start
 *	24480       -> main
 *	24480         -> churn
 *	24480         <- churn 25 us
 *	24480         -> churn
 *	24480         <- churn 12 us
 *	24480         -> churn
 *	24480         <- churn 12 us
 *	24480         -> churn
 *	...
 */
#pragma D option quiet

pid$target:a.out::entry
{
	self->depth++;
	self->at[self->depth] = timestamp;
	printf("%-7d %*s-> %s\n", tid, self->depth * 2, "", probefunc);
}

pid$target:a.out::return
/self->depth > 0/
{
	printf("%-7d %*s<- %s %d us\n", tid, self->depth * 2, "", probefunc,
	    (timestamp - self->at[self->depth]) / 1000);
	self->at[self->depth] = 0;
	self->depth--;
}

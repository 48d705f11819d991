#!/usr/bin/env -S dtrace -s
/*
 * lockwait.d - how long threads wait for mutexes, by mutex and by stack
 *
 * USAGE
 *	dtrace -s lockwait.d -c 'program arguments'
 *	dtrace -s lockwait.d -p PID
 *
 * Waits below 100 us are left out: much of a short one is the cost of watching.
 *
 * SAMPLE
 *	$ dtrace -s lockwait.d -c './demo locks'
 *	waits in us, by mutex
 *	558557bdf120
 *	           value  ------------- Distribution ------------- count
 *	            8192 |                                         0
 *	           16384 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@ 1
 *	           32768 |                                         0
 *
 *	total us, by stack
 *
 *
 *	              libc.so.6`pthread_mutex_lock+0x73
 *	              demo`waiter+0x24
 *	              libc.so.6`start_thread+0x305
 *	              libc.so.6`clone3+0x2c
 *	            26754
 */
#pragma D option quiet

pid$target:libc.so.6:pthread_mutex_lock:entry
{
	self->at = timestamp;
	self->mutex = arg0;
}

pid$target:libc.so.6:pthread_mutex_lock:return
/self->at && timestamp - self->at >= 100000/
{
	@wait[self->mutex] = quantize((timestamp - self->at) / 1000);
	@total[ustack(4)] = sum((timestamp - self->at) / 1000);
}

pid$target:libc.so.6:pthread_mutex_lock:return
{
	self->at = 0;
	self->mutex = 0;
}

END
{
	printf("waits in us, by mutex\n");
	printa("%x%@d\n", @wait);
	printf("total us, by stack\n");
	trunc(@total, 10);
	printa(@total);
}

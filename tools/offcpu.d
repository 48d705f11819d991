#!/usr/bin/env -S dtrace -s
/*
 * offcpu.d - time that threads sleep in system calls, by call and stack
 *
 * USAGE
 *	dtrace -s offcpu.d -c 'program arguments'
 *	dtrace -s offcpu.d -p PID
 *
 * Without a kernel a thread is known to be off the CPU only in a call: the time of calls
 * that may sleep, less the time on a CPU.
 *
 * SAMPLE
 *	$ dtrace -s offcpu.d -c './demo locks'
 *	CALL                   OFF-CPU (us)
 *	read                             16
 *	clock_nanosleep               20762
 *	futex                         20999
 *
 *	futex
 *	libc.so.6`__GI___lll_lock_wake+0x13
 *	libc.so.6`__GI___pthread_mutex_unlock_usercnt+0x5e
 *	demo`waiter+0x2c
 *	libc.so.6`start_thread+0x305
 *	libc.so.6`clone3+0x2c
 *	             6 us
 *
 *	futex
 *	libc.so.6`__GI___lll_lock_wake+0x13
 *	libc.so.6`__GI___pthread_mutex_unlock_usercnt+0x5e
 *	...
 */
#pragma D option quiet

syscall::read:entry, syscall::recvfrom:entry, syscall::recvmsg:entry, syscall::p*oll:entry,
syscall::*select*:entry, syscall::epoll_*wait*:entry, syscall::futex:entry, syscall::nanosleep:entry,
syscall::clock_nanosleep:entry, syscall::wait4:entry, syscall::accept4:entry, syscall::fsync:entry
{
	self->at = timestamp;
	self->on = vtimestamp;
}

syscall::read:return, syscall::recvfrom:return, syscall::recvmsg:return, syscall::p*oll:return,
syscall::*select*:return, syscall::epoll_*wait*:return, syscall::futex:return, syscall::nanosleep:return,
syscall::clock_nanosleep:return, syscall::wait4:return, syscall::accept4:return, syscall::fsync:return
/self->at/
{
	this->us = (timestamp - self->at - (vtimestamp - self->on)) / 1000;
	@total[probefunc] = sum(this->us);
	@stack[probefunc, ustack(6)] = sum(this->us);
	self->at = 0;
	self->on = 0;
}

END
{
	printf("%-20s %14s\n", "CALL", "OFF-CPU (us)");
	printa("%-20s %@14d\n", @total);
	trunc(@stack, 10);
	printa("\n%s%k%@14d us\n", @stack);
}

#!/usr/bin/env -S dtrace -s
/*
 * leaks.d - memory of malloc() and calloc() that is not freed, by the place that asked for it
 *
 * USAGE
 *	dtrace -s leaks.d -c 'program arguments'
 *	dtrace -s leaks.d -p PID
 *
 * With -p, what was allocated before is not known. Blocks that realloc() moves are followed.
 *
 * SAMPLE
 *	$ dtrace -s leaks.d -c './demo heap'
 *	ALLOCATED AT                                         BYTES LEFT     BLOCKS
 *	demo`churn+0x9                                                0          0
 *	demo`lose+0x9                                               300          3
 *	demo`main+0x153                                            5000          1
 */
#pragma D option quiet
#pragma D option dynvarsize=64m

self int in;
size_t size[uint64_t];
uint64_t owner[uint64_t];

pid$target:libc.so.6:malloc:entry,
pid$target:libc.so.6:calloc:entry,
pid$target:libc.so.6:realloc:entry
/!self->in/
{
	self->in = 1;
	self->caller = ucaller;
	self->size = probefunc == "malloc" ? arg0 : probefunc == "calloc" ? arg0 * arg1 : arg1;
	self->old = probefunc == "realloc" ? arg0 : 0;
}

pid$target:libc.so.6:realloc:return
/self->in && self->old && size[self->old]/
{
	@bytes[uaddr(owner[self->old])] = sum(-size[self->old]);
	@blocks[uaddr(owner[self->old])] = sum(-1);
	size[self->old] = 0;
	owner[self->old] = 0;
}

pid$target:libc.so.6:malloc:return,
pid$target:libc.so.6:calloc:return,
pid$target:libc.so.6:realloc:return
/self->in && arg1/
{
	size[arg1] = self->size;
	owner[arg1] = self->caller;
	@bytes[uaddr(self->caller)] = sum(self->size);
	@blocks[uaddr(self->caller)] = sum(1);
}

pid$target:libc.so.6:malloc:return,
pid$target:libc.so.6:calloc:return,
pid$target:libc.so.6:realloc:return
{
	self->in = 0;
	self->caller = 0;
	self->size = 0;
	self->old = 0;
}

pid$target:libc.so.6:free:entry
/size[arg0]/
{
	@bytes[uaddr(owner[arg0])] = sum(-size[arg0]);
	@blocks[uaddr(owner[arg0])] = sum(-1);
	size[arg0] = 0;
	owner[arg0] = 0;
}

END
{
	printf("%-50s %12s %10s\n", "ALLOCATED AT", "BYTES LEFT", "BLOCKS");
	printa("%-50A %@12d %@10d\n", @bytes, @blocks);
}

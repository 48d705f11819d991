#!/usr/bin/env -S dtrace -s
/*
 * fileio.d - bytes and time of reads and writes, by file
 *
 * USAGE
 *	dtrace -s fileio.d -c 'program arguments'
 *	dtrace -s fileio.d -p PID
 *
 * SAMPLE
 *	$ dtrace -s fileio.d -c './demo files'
 *	FILE                                                    CALLS     BYTES IN    BYTES OUT
 *	/usr/lib/x86_64-linux-gnu/libc.so.6                         3         2400            0
 *	/tmp/w/tools/run/demo.data                                 21        10000        10000
 */
#pragma D option quiet

syscall::read:entry, syscall::pread64:entry, syscall::readv:entry,
syscall::write:entry, syscall::pwrite64:entry, syscall::writev:entry
{
	self->fd = arg0 + 1;
	self->at = timestamp;
}

syscall::read:return, syscall::pread64:return, syscall::readv:return
/self->at && (int)arg0 > 0/
{
	@in[fds[self->fd - 1].fi_pathname] = sum(arg0);
}

syscall::write:return, syscall::pwrite64:return, syscall::writev:return
/self->at && (int)arg0 > 0/
{
	@out[fds[self->fd - 1].fi_pathname] = sum(arg0);
}

syscall::read:return, syscall::pread64:return, syscall::readv:return,
syscall::write:return, syscall::pwrite64:return, syscall::writev:return
/self->at/
{
	@calls[fds[self->fd - 1].fi_pathname] = count();
	@us[fds[self->fd - 1].fi_pathname] = sum((timestamp - self->at) / 1000);
	self->fd = 0;
	self->at = 0;
}

END
{
	printf("%-50s %10s %12s %12s %10s\n", "FILE", "CALLS", "BYTES IN", "BYTES OUT", "TIME (us)");
	printa("%-50s %@10d %@12d %@12d %@10d\n", @calls, @in, @out, @us);
}

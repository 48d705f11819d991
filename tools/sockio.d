#!/usr/bin/env -S dtrace -s
/*
 * sockio.d - bytes and time of sends and receives, by process and socket
 *
 * USAGE
 *	dtrace -s sockio.d -c 'program arguments'
 *	dtrace -s sockio.d -p PID
 *
 * SAMPLE
 *	$ dtrace -s sockio.d -c './demo sockets'
 *	PROGRAM          SOCKET                      CALLS     BYTES IN    BYTES OUT  TIME (us)
 *	demo             socket:[1898423]               10            0         1000        185
 *	demo             socket:[1898424]               10         1000            0        168
 */
#pragma D option quiet

syscall::read:entry, syscall::write:entry, syscall::readv:entry, syscall::writev:entry,
syscall::recvfrom:entry, syscall::sendto:entry, syscall::recvmsg:entry, syscall::sendmsg:entry
/strstr(fds[arg0].fi_pathname, "socket:") != 0/
{
	self->name = fds[arg0].fi_pathname;
	self->at = timestamp;
}

syscall::read:return, syscall::readv:return, syscall::recvfrom:return, syscall::recvmsg:return
/self->at && (int)arg0 >= 0/
{
	@in[execname, self->name] = sum(arg0);
}

syscall::write:return, syscall::writev:return, syscall::sendto:return, syscall::sendmsg:return
/self->at && (int)arg0 >= 0/
{
	@out[execname, self->name] = sum(arg0);
}

syscall::read:return, syscall::write:return, syscall::readv:return, syscall::writev:return,
syscall::recvfrom:return, syscall::sendto:return, syscall::recvmsg:return, syscall::sendmsg:return
/self->at/
{
	@calls[execname, self->name] = count();
	@us[execname, self->name] = sum((timestamp - self->at) / 1000);
	self->at = 0;
	self->name = 0;
}

END
{
	printf("%-16s %-24s %8s %12s %12s %10s\n", "PROGRAM", "SOCKET", "CALLS", "BYTES IN",
	    "BYTES OUT", "TIME (us)");
	printa("%-16s %-24s %@8d %@12d %@12d %@10d\n", @calls, @in, @out, @us);
}

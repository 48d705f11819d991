#!/usr/bin/env -S dtrace -s
/*
 * opens.d - files opened, by whom, and with what result
 *
 * USAGE
 *	dtrace -s opens.d -c 'program arguments'
 *	dtrace -s opens.d -p PID
 *
 * SAMPLE
 *	$ dtrace -s opens.d -c 'ls /'
 *	PID     PROGRAM             FD FILE
 *	24747   ls                   3 /etc/ld.so.cache
 *	24747   ls                   3 /lib/x86_64-linux-gnu/libselinux.so.1
 *	24747   ls                   3 /lib/x86_64-linux-gnu/libc.so.6
 *	24747   ls                   3 /lib/x86_64-linux-gnu/libpcre2-8.so.0
 *	24747   ls                   3 /proc/filesystems
 *	24747   ls                  -1 /usr/lib/locale/locale-archive: error 2
 *	24747   ls                   3 /usr/share/locale/locale.alias
 *	24747   ls                  -1 /usr/lib/locale/C.UTF-8/LC_IDENTIFICATION: error 2
 *	...
 */
#pragma D option quiet
#pragma D option strsize=512

BEGIN
{
	printf("%-7s %-16s %5s %s\n", "PID", "PROGRAM", "FD", "FILE");
}

syscall::openat:entry
{
	self->path = arg1;
}

/* By now the path's page is there for sure. */
syscall::openat:return
/self->path/
{
	printf("%-7d %-16s %5d %s%s\n", pid, execname, (int)arg0, copyinstr(self->path),
	    errno == 0 ? "" : strjoin(": error ", lltostr(errno)));
	self->path = 0;
}

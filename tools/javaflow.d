#!/usr/bin/env -S dtrace -s
/*
 * javaflow.d - the methods of a Java class that run, indented
 *
 * USAGE
 *	dtrace -Zs javaflow.d -c 'java -XX:+ExtendedDTraceProbes Program' CLASS
 *	dtrace -Zs javaflow.d -p PID CLASS
 *
 * CLASS is the name with slashes: my/pkg/Main. Needs a JVM with static probes (Debian's OpenJDK 17)
 * that was started with -XX:+ExtendedDTraceProbes.
 *
 * SAMPLE
 *	$ dtrace -Zs javaflow.d -c 'java -XX:+ExtendedDTraceProbes T' T
 *	25126   -> main
 *	25126     -> g
 *	25126     <- g
 *	25126     -> g
 *	25126     <- g
 *	25126     -> g
 *	25126     <- g
 *	25126     -> g
 *	25126     <- g
 *	...
 */
#pragma D option quiet

self int depth;

hotspot$target:::method-entry
/stringof(copyin(arg1, arg2)) == $$1/
{
	printf("%-7d %*s-> %s\n", tid, self->depth * 2, "", stringof(copyin(arg3, arg4)));
	self->depth++;
}

hotspot$target:::method-return
/self->depth > 0 && stringof(copyin(arg1, arg2)) == $$1/
{
	self->depth--;
	printf("%-7d %*s<- %s\n", tid, self->depth * 2, "", stringof(copyin(arg3, arg4)));
}

#!/usr/bin/env -S dtrace -s
/*
 * javagc.d - garbage collections of a Java program: kind, time, and pools
 *
 * USAGE
 *	dtrace -Zs javagc.d -c 'java Program'
 *	dtrace -Zs javagc.d -p PID
 *
 * Needs a JVM with static probes (Debian's OpenJDK 17).
 *
 * SAMPLE
 *	$ dtrace -Zs javagc.d -c 'java -XX:+UseSerialGC T'
 *	full collection
 *	    CodeHeap 'non-nmethods'           1100160 bytes used
 *	    CodeHeap 'profiled nmethods'        75392 bytes used
 *	    CodeHeap 'non-profiled nmethods'        26112 bytes used
 *	    Metaspace                          187328 bytes used
 *	    Compressed Class Space               4968 bytes used
 *	    Eden Space                              0 bytes used
 *	    Survivor Space                          0 bytes used
 *	    Tenured Gen                        537800 bytes used
 *	...
 */
#pragma D option quiet

hotspot$target:::gc-begin
{
	self->at = timestamp;
	printf("%s collection\n", arg0 ? "full" : "young");
}

hotspot$target:::mem-pool-gc-end
{
	printf("    %-28s %12d bytes used\n", stringof(copyin(arg2, arg3)), arg5);
}

hotspot$target:::gc-end
/self->at/
{
	printf("    took %d us\n", (timestamp - self->at) / 1000);
	@ = quantize((timestamp - self->at) / 1000);
	self->at = 0;
}

END
{
	printa("collections in us%@d\n", @);
}

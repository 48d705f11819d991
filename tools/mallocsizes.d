#!/usr/bin/env -S dtrace -s
/*
 * mallocsizes.d - the sizes asked of malloc(), calloc() and realloc(), and who asks
 *
 * USAGE
 *	dtrace -s mallocsizes.d -c 'program arguments'
 *	dtrace -s mallocsizes.d -p PID
 *
 * SAMPLE
 *	$ dtrace -s mallocsizes.d -c './demo heap'
 *	  bytes asked for
 *	           value  ------------- Distribution ------------- count
 *	               8 |                                         0
 *	              16 |@@@                                      1
 *	              32 |@@@                                      1
 *	              64 |@@@@@@@@@@@@@                            5
 *	             128 |@@@                                      1
 *	             256 |@@@                                      1
 *	             512 |@@@@@                                    2
 *	            1024 |@@@                                      1
 *	            2048 |@@@                                      1
 *	            4096 |@@@@@                                    2
 *	            8192 |@@@                                      1
 *	           16384 |                                         0
 *
 *	CALLER                                                    BYTES        CALLS
 *	demo`lose                                                  1300            4
 *	demo`main                                                  5000            1
 *	demo`churn                                                16432           11
 */
#pragma D option quiet

pid$target:libc.so.6:malloc:entry
{
	this->size = arg0;
}

pid$target:libc.so.6:calloc:entry
{
	this->size = arg0 * arg1;
}

pid$target:libc.so.6:realloc:entry
{
	this->size = arg1;
}

pid$target:libc.so.6:malloc:entry,
pid$target:libc.so.6:calloc:entry,
pid$target:libc.so.6:realloc:entry
{
	@size["bytes asked for"] = quantize(this->size);
	@bytes[usym(ucaller)] = sum(this->size);
	@calls[usym(ucaller)] = count();
}

END
{
	printa(@size);
	printf("%-50s %12s %12s\n", "CALLER", "BYTES", "CALLS");
	printa("%-50A %@12d %@12d\n", @bytes, @calls);
}

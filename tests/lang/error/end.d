/* Faults in END and in ticks. */
BEGIN { i = 0; }
tick-1ms /i++ < 2/ { printf("gone"); *(char *)0; }
tick-1ms /i > 2/ { exit(0); }
END { *(char *)1; }
END { printf("end\n"); }
ERROR { printf("error %x\n", arg5); }

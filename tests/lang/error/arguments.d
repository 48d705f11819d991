/* arg1 enabling, arg2 action, arg4 fault, arg5 address. */
BEGIN { x = 1; y = *(int *)0x10; printf("no"); }
BEGIN { trace("discarded"); z = *(int *)0x20; }
BEGIN { n = 0; trace(1 / n); }
BEGIN { n = 0; trace(1 % n); }
BEGIN / *(char *)64 == 1/ { printf("no"); }
BEGIN { exit(0); }
ERROR { printf("0 %d 1 %d 2 %d 4 %d 5 %x id %d %s:%s:%s:%s\n", arg0, arg1, arg2, arg4, arg5, id, probeprov, probemod, probefunc, probename); }
END { printf("x is %d\n", x); }

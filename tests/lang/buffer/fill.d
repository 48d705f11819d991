/* @@ flags: -x bufpolicy=fill -b 100 */
/* Tracing ends when the buffer is full; END has its room. */
BEGIN { i = 0; }
tick-1ms { i++; printf("%d\n", i); }
END { printf("end\n"); }

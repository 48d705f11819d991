/* @@ flags: -x bufpolicy=ring -b 64 */
/* The last records that fit. */
BEGIN { i = 0; }
tick-1ms { i++; printf("%d\n", i); }
tick-1ms /i == 30/ { exit(0); }
END { printf("end\n"); }

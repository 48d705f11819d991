/* @@ status: 2 */
BEGIN { i = 0; }
tick-1ms { i++; }
tick-1ms /i == 3/ { printf("%d\n", i); exit(2); }
END { printf("end\n"); }

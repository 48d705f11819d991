/* Several printf() in a clause, and none. */
BEGIN { printf("a"); printf("b%d", 1); printf("\n"); }
BEGIN { x = 1; }
BEGIN { printf("%s-%s\n", "x", "y"); exit(0); }
END { printf("end\n"); }

/* @@ status: 3 */
/* The rest of the clause runs, no other clause does, and END. */
BEGIN { printf("a\n"); exit(3); printf("b\n"); x = 5; }
BEGIN { printf("not this\n"); }
tick-1ms { printf("nor this\n"); exit(4); }
END { printf("end %d\n", x); }

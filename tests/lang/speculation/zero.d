/* speculate(0), or of an id not active: the rest of the clause is silent. */
BEGIN { x = 0; speculate(x); printf("never\n"); y = 1; }
BEGIN { printf("%d\n", y); }
BEGIN { commit(0); }
BEGIN { discard(0); printf("ok\n"); }
BEGIN { speculate(1); printf("not active\n"); }
BEGIN { commit(1); }
BEGIN { exit(0); }

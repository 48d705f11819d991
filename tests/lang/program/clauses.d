/* Order of clauses, predicates, several descriptions, one firing's this->. */
/* @@ status: 7 */
BEGIN { this->x = 1; n = 1; }
BEGIN /n == 1/ { printf("first %d\n", this->x); this->x++; }
BEGIN /n == 2/ { printf("never\n"); }
dtrace:::BEGIN, dtrace:::END { printf("%s %d\n", probename, this->x); }
:::BEGIN { exit(7); printf("rest of the clause\n"); }
BEGIN { printf("not after exit\n"); }
END { printf("%s:%s:%s:%s\n", probeprov, probemod, probefunc, probename); }

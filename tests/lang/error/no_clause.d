/* The message comes without an ERROR clause, and later clauses run. */
BEGIN { printf("gone"); *(char *)5; }
BEGIN { printf("here\n"); exit(0); }

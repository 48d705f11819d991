/* Ids out of range are illegal operations. */
BEGIN { speculate(5); printf("never\n"); }
BEGIN { commit(7); }
BEGIN { discard(-1); }
BEGIN { exit(0); }
ERROR { printf("fault %d\n", arg4); }

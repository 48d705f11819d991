/* @@ flags: -x nspec=2 */
/* Records come out when they are committed, each speculation in its order. */
BEGIN { a = speculation(); b = speculation(); }
BEGIN { speculate(a); printf("a1\n"); }
BEGIN { speculate(b); printf("b1\n"); }
BEGIN { speculate(a); printf("a2\n"); }
BEGIN { printf("plain\n"); }
BEGIN { commit(b); }
BEGIN { commit(a); }
BEGIN { commit(a); }
BEGIN { exit(0); }

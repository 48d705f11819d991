/* A fault takes back what its clause speculated. */
BEGIN { s = speculation(); }
BEGIN { speculate(s); printf("kept\n"); }
BEGIN { speculate(s); printf("lost\n"); *(char *)3; }
BEGIN { commit(s); }
BEGIN { exit(0); }

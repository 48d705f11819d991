BEGIN { s = speculation(); discard(s); }
BEGIN { speculate(s); printf("never\n"); }
BEGIN { commit(s); }
BEGIN { s = speculation(); }
BEGIN { speculate(s); printf("again\n"); }
BEGIN { commit(s); }
BEGIN { exit(0); }

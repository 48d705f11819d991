BEGIN { s = speculation(); }
BEGIN { speculate(s); printf("gone\n"); }
BEGIN { discard(s); }
BEGIN { t = speculation(); printf("%d %d\n", s, t); exit(0); }

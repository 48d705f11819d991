/* What nobody committed is gone at the end. */
BEGIN { s = speculation(); }
BEGIN { speculate(s); printf("gone\n"); }
BEGIN { exit(0); }
END { printf("end\n"); }

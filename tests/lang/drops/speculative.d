/* @@ flags: -x specsize=32 -x droptags */
BEGIN { s = speculation(); }
BEGIN { speculate(s); printf("%d\n", 1); }
BEGIN { speculate(s); printf("%d\n", 2); }
BEGIN { speculate(s); printf("%d\n", 3); }
BEGIN { commit(s); }
BEGIN { exit(0); }

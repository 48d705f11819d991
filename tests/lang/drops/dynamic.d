/* @@ flags: -x dynvarsize=64 -x droptags */
BEGIN { a[1] = 1; a[2] = 2; a[3] = 3; a[4] = 4; printf("%d %d %d %d\n", a[1], a[2], a[3], a[4]); a[1] = 0; a[3] = 3; printf("%d\n", a[3]); exit(0); }

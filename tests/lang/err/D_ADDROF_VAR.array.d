int a[3];
BEGIN { p = &a; exit(0); }

BEGIN { a[1] = 2; p = &a[1]; exit(0); }

void f[int];
BEGIN { exit(0); }

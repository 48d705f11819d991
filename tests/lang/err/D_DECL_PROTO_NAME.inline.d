inline int f[int] = 3;
BEGIN { exit(0); }

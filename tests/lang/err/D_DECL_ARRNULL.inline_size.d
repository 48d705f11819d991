inline int f[4] = 3;
BEGIN { exit(0); }

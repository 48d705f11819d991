inline int f[void] = 1;
BEGIN { exit(0); }

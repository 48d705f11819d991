inline int f[static int a] = a;
BEGIN { exit(0); }

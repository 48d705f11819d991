inline int f[int a] = a;
BEGIN { f[1] = 3; exit(0); }

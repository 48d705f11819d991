inline void f[int a] = 1;
BEGIN { exit(0); }

struct s { int a[4]; };
struct s v;
BEGIN { i = 4; v.a[i] = 1; }
BEGIN { i = -1; trace(v.a[i]); }
BEGIN { i = 3; v.a[i] = 5; printf("%d\n", v.a[i]); exit(0); }
ERROR { printf("fault %d\n", arg4); }

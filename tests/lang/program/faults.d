/* A fault ends its clause, and only that. */
BEGIN { x = 1; y = 0; printf("lost\n"); x = 2; z = x / y; x = 3; }
BEGIN { printf("x %d\n", x); }
BEGIN { trace(*(int *)8); }
BEGIN /1 % y/ { printf("never\n"); }
BEGIN { printf("end\n"); exit(0); }
ERROR { printf("code %d action %d\n", arg4, arg2); }

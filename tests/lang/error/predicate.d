BEGIN /(n = 0) == 0 && 1 / n/ { printf("no\n"); }
BEGIN { exit(0); }
ERROR { printf("action %d fault %d\n", arg2, arg4); }

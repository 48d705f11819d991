/* A fault in ERROR is counted, not reported again. */
BEGIN { *(char *)5; }
BEGIN { exit(0); }
ERROR { printf("gone"); *(char *)6; printf("never"); }
ERROR { printf("second\n"); }

/* @@ status: 9 */
BEGIN { *(char *)0; }
BEGIN { printf("not reached\n"); }
ERROR { printf("error %d\n", arg4); exit(9); }
END { printf("end\n"); }

/* What was done before the fault stays done. */
BEGIN { @a = count(); v = 7; trace(v); @b = sum(*(int *)8); @c = count(); }
BEGIN { printf("v %d\n", v); exit(0); }

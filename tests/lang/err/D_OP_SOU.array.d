int a[3];
BEGIN { trace(a->x); exit(0); }

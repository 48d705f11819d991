int a;
BEGIN { trace(a->x); exit(0); }

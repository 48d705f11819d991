inline int f = f + 1;
BEGIN { trace(f); exit(0); }

inline int x = 2;
BEGIN { x++; exit(0); }

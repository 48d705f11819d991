inline int x = 2;
BEGIN { x = 3; exit(0); }

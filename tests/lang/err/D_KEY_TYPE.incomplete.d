struct nosuch;
BEGIN { x[*(struct nosuch *)0] = 1; }

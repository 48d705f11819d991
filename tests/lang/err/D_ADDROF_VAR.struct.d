struct s { int a; } v;
BEGIN { p = &v; exit(0); }

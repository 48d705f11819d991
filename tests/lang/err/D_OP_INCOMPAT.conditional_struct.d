struct s { int a; }; struct s v;
BEGIN { y = 1; x = y ? v : 1; exit(0); }

struct s { int a; }; struct s v;
BEGIN { y = *v; exit(0); }

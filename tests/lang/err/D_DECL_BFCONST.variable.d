int v;
struct s { int a : v; };
BEGIN { exit(0); }

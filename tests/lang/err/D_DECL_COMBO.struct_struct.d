struct s { int a; }
struct s r;
BEGIN { exit(0); }

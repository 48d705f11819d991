typedef int t;
enum e { A } struct s { int a; } x;
BEGIN { exit(0); }

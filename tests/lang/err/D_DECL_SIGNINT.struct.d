struct s { int a; };
signed struct s a;
BEGIN { exit(0); }

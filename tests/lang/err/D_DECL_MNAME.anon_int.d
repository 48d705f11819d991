struct s { int a; char; };
BEGIN { exit(0); }

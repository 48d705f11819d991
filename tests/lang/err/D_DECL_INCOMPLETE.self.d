struct s { struct s a; };
BEGIN { exit(0); }

struct s { foo bar; };
BEGIN { exit(0); }

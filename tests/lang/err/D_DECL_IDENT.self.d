self foo bar;
BEGIN { exit(0); }

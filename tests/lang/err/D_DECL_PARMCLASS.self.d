int f(self int);
BEGIN { exit(0); }

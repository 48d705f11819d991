typedef extern int a;
BEGIN { exit(0); }

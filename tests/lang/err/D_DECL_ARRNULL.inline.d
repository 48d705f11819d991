inline int f[] = 3;
BEGIN { exit(0); }

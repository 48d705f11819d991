union s { int a; }
int r;
BEGIN { exit(0); }

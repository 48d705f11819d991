int v;
long v;
BEGIN { exit(0); }

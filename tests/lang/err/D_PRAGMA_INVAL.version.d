#pragma D binding "a.b" x
int x;
BEGIN { exit(0); }

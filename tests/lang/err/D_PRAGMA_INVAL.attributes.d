#pragma D attributes Stable/Stable x
int x;
BEGIN { exit(0); }

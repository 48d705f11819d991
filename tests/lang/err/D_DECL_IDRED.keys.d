int v[int];
int v[string];
BEGIN { exit(0); }

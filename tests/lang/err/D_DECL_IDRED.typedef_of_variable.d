int v;
typedef int v;
BEGIN { exit(0); }

this int v;
this string v;
BEGIN { exit(0); }

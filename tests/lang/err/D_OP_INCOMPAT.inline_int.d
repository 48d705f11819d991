inline int f = "a";
BEGIN { exit(0); }

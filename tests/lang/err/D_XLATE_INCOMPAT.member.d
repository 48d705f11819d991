struct b { int y; };
translator struct b < int p > { y = "abc"; };
BEGIN { exit(0); }

struct b { int y; };
translator struct b < int p > { z = p; };
BEGIN { exit(0); }

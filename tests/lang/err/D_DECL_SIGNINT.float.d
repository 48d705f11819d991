unsigned float a;
BEGIN { exit(0); }

signed unsigned int a;
BEGIN { exit(0); }

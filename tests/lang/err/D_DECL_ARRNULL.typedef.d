typedef int a_t[];
BEGIN { exit(0); }

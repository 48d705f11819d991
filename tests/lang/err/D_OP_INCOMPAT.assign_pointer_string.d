BEGIN { p = (int *)3; p = "abc"; exit(0); }

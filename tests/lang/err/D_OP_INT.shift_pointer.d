BEGIN { p = (int *)3; x = p << 1; exit(0); }

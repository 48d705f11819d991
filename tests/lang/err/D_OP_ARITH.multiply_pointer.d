BEGIN { p = (int *)3; x = p * 2; exit(0); }

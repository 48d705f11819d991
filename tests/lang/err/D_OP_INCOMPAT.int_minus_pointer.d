BEGIN { p = (int *)3; x = 4 - p; exit(0); }

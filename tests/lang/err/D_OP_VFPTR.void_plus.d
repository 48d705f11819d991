BEGIN { p = (void *)3; p = p + 1; exit(0); }

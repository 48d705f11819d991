BEGIN { p = (int *)3; q = (char *)3; x = p - q; exit(0); }

BEGIN { p = (int *)3; q = (int *)3; x = p + q; exit(0); }

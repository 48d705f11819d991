BEGIN { p = (void *)1; x = *p; exit(0); }

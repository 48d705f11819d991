BEGIN { x = (int)(void)3; exit(0); }

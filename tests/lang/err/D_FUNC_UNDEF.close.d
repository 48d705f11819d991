BEGIN { strlne("a"); exit(0); }

BEGIN { y = &"abc"; exit(0); }

BEGIN { x = 0x; exit(0); }

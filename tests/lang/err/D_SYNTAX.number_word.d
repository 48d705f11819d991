BEGIN { x = 5abc; exit(0); }

BEGIN { x = 1; y = 1; z = 0; (z ? x : y) = 3; exit(0); }

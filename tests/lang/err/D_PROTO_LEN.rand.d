BEGIN { x = rand(1); exit(0); }

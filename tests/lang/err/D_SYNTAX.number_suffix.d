BEGIN { x = 5llu; exit(0); }

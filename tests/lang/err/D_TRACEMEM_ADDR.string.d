BEGIN { tracemem("a", 1); exit(0); }

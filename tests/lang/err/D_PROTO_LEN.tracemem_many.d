BEGIN { tracemem(1); exit(0); }

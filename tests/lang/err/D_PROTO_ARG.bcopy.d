BEGIN { bcopy(1, 2, 3); exit(0); }

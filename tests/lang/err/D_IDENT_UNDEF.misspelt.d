BEGIN { trace(timestmap); exit(0); }

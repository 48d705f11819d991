BEGIN { probefunc(); exit(0); }

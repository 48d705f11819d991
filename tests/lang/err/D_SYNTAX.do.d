BEGIN { do { } exit(0); }

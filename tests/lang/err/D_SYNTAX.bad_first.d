; BEGIN { exit(0); }

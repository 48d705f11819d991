nothing:::entry { exit(0); }

foo$nothing:::entry { exit(0); }

fbt:::entry { exit(0); }

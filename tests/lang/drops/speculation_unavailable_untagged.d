BEGIN { speculation(); speculation(); exit(0); }

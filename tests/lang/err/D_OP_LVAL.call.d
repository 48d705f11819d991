BEGIN { strlen("a") = 3; exit(0); }

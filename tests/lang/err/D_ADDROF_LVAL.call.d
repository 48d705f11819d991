BEGIN { y = &strlen("a"); exit(0); }

BEGIN { x = strjoin("a"); exit(0); }

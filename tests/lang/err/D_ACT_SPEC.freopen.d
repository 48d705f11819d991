BEGIN { speculate(speculation()); freopen("/dev/null"); }

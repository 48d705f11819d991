BEGIN { x = 1; y = x ? curpsinfo : curpsinfo; exit(0); }

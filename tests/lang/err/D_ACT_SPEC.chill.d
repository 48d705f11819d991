BEGIN { speculate(speculation()); chill(1); }

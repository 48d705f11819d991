BEGIN { case 1: exit(0); }

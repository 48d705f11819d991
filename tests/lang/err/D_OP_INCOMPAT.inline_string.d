inline string f = 5;
BEGIN { exit(0); }

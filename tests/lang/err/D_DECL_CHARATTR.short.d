short char a;
BEGIN { exit(0); }

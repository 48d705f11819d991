import foo;
BEGIN { exit(0); }

#line "x"
BEGIN { exit(0); }

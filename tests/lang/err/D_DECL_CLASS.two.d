self this int a;
BEGIN { exit(0); }

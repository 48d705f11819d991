provider p { probe q(int a, ...); };
BEGIN { exit(0); }

provider p { probe q(void a); };
BEGIN { exit(0); }

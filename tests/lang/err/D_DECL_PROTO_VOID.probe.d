provider p { probe q(int, void); };
BEGIN { exit(0); }

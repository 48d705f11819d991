provider foo { probe bar() };
BEGIN { exit(0); }

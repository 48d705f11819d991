struct nosuch;
BEGIN { print(*(struct nosuch *)0); }

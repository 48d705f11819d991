inline int x = 2;
inline int x = 3;
BEGIN { exit(0); }

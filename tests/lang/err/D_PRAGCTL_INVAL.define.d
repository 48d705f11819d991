#define FOO 1
BEGIN { exit(0); }

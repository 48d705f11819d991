/* @@ flags: -b 40 */
/* Nothing is lost by default. */
BEGIN { printf("%d\n", 1); }
BEGIN { printf("%d\n", 2); }
BEGIN { printf("%d\n", 3); }
BEGIN { printf("%d\n", 4); }
BEGIN { exit(0); }
END { printf("%d\n", 5); }
END { printf("%d\n", 6); }
END { printf("%d\n", 7); }

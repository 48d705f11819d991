/* @@ flags: -b 64 */
/* The default policy waits: whatever the buffer's size, nothing is lost. */
BEGIN { printf("%d\n", 1); } BEGIN { printf("%d\n", 2); } BEGIN { printf("%d\n", 3); }
BEGIN { printf("%d\n", 4); } BEGIN { printf("%d\n", 5); } BEGIN { printf("%d\n", 6); }
BEGIN { printf("%d\n", 7); } BEGIN { exit(0); }

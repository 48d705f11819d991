/* @@ flags: -x bufpolicy=switch -b 64 -x cpu=0 */
/* What does not fit in 64 bytes (16 a record) is counted, no more and no less. */
BEGIN { printf("%d\n", 1); } BEGIN { printf("%d\n", 2); } BEGIN { printf("%d\n", 3); }
BEGIN { printf("%d\n", 4); } BEGIN { printf("%d\n", 5); } BEGIN { printf("%d\n", 6); }
BEGIN { printf("%d\n", 7); } BEGIN { exit(0); }

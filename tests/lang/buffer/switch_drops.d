/* @@ flags: -x bufpolicy=switch -b 40 -x droptags -x cpu=0 */
BEGIN { printf("%d\n", 1); }
BEGIN { printf("%d\n", 2); }
BEGIN { printf("%d\n", 3); }
BEGIN { printf("%d\n", 4); }
BEGIN { exit(0); }

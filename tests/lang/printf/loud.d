/* @@ testing */
/* @@ loud */
BEGIN { printf("a"); printf("b\n"); printf("c"); }
BEGIN { printf("%d", 1); trace(2); printf("%d", 3); }
BEGIN { exit(0); }

/* @@ testing */
/* @@ loud */
/* The heading comes once; a clause that records nothing has a line of its own. */
BEGIN {}
BEGIN { x = 1; }
BEGIN { printf("text"); }
BEGIN { printf("text\n"); }
BEGIN /0/ { printf("never"); }
BEGIN { @ = count(); }
BEGIN { exit(0); }
END { trace(x); }

/* @@ testing */
/* @@ loud */
/*
 * The heading comes once.  The default action has a line, a clause with nothing
 * but assignments, expressions and aggregations has none.
 */
BEGIN {}
BEGIN { x = 1; }
BEGIN { self->t = timestamp; this->y = x; @ = count(); }
BEGIN { strlen("x"); }
BEGIN { printf("text"); }
BEGIN { printf("text\n"); }
BEGIN /0/ { printf("never"); }
BEGIN { exit(0); }
END { trace(x); }

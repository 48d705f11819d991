/* @@ testing */
/* @@ loud */
/* Only speculate() has a line, when it is committed; commit() and discard() record nothing. */
BEGIN { s = speculation(); }
BEGIN { speculate(s); }
BEGIN { speculate(s); printf("x"); }
BEGIN { commit(s); }
BEGIN { discard(s); }
BEGIN { exit(0); }

/* @@ testing */
/* @@ loud */
/* commit() has no line of its own, discard() has, and speculate() has when it is committed. */
BEGIN { s = speculation(); }
BEGIN { speculate(s); }
BEGIN { speculate(s); printf("x"); }
BEGIN { commit(s); }
BEGIN { discard(s); }
BEGIN { exit(0); }

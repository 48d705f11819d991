/* @@ testing */
/* @@ loud */
/* exit() shows nothing itself; its record has a line. */
BEGIN { exit(0); }
END { trace("bye"); }

/* @@ status: 7 */
/* exit() in END has the last word. */
BEGIN { exit(3); }
END { exit(7); printf("on\n"); }
END { printf("more\n"); }

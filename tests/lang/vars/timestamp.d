/* @@ flags: -w */
/* timestamp stands still within a clause, but for chill(). */
BEGIN { t = timestamp; w = walltimestamp; printf("%d %d", timestamp == t, walltimestamp == w); chill(1000000); printf(" %d\n", timestamp - t >= 1000000); u = timestamp; }
BEGIN { printf("%d %d\n", timestamp > u, vtimestamp > 0); exit(0); }

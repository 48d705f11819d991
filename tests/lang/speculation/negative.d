BEGIN { s = speculation(); commit(s); t = speculation(); discard(t); u = speculation(); printf("%d %d %d\n", s, t, u); exit(0); }

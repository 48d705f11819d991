/* An id is free as soon as it was committed or discarded. */
BEGIN { s = speculation(); commit(s); t = speculation(); discard(t); u = speculation(); }
BEGIN { printf("%d %d %d\n", s, t, u); exit(0); }

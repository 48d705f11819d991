BEGIN { @a = sum(100); normalize(@a, 0); printa("%@d\n", @a); exit(0); }

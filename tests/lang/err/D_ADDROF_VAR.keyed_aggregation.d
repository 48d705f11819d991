BEGIN { @a[1] = count(); p = &@a[1]; exit(0); }

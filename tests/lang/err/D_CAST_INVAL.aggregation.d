BEGIN { @a = count(); x = (int)@a; exit(0); }

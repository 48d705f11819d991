/* @@ flags: -x aggsortkey */
/* Integer keys sort unsigned by their size. */
BEGIN { @[-1] = count(); @[1] = count(); @[0] = count(); @[-5] = count(); exit(0); }

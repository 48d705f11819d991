BEGIN { @ = count(); @a[1] = count(); @a[1] = count(); @a["x" == "y"] = count(); exit(0); }

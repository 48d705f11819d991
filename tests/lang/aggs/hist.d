/* @@ flags: -x agghist */
/* One histogram of an aggregation's keys. */
BEGIN { @["short"] = sum(5); @["other"] = sum(3); @["zero"] = sum(0); @i[1] = count(); @i[2] = count(); @i[2] = count(); @n[1, "x"] = sum(-2); @n[2, "y"] = sum(6); @plain = count(); exit(0); }

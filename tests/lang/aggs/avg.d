/* avg() truncates towards zero. */
BEGIN { @a = avg(1); @a = avg(2); @b = avg(-1); @b = avg(-2); @c = avg(0); @d = avg(10); @d = avg(-10); @e["x"] = avg(7); exit(0); }

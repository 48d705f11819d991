BEGIN
{
	@a["x"] = sum(100); @a["y"] = sum(-25); @avg = avg(100); @avg = avg(50); @q = quantize(5, 100); @std = stddev(100); @std = stddev(0); @min = min(99);
	normalize(@a, 10); printa("a %s %@d\n", @a);
	normalize(@a, 3); printa("a %s %@d\n", @a);
	denormalize(@a); printa("a %s %@d\n", @a);
	normalize(@avg, 10); printa("avg %@d\n", @avg);
	normalize(@q, 10); printa("q %@d", @q);
	normalize(@std, 10); printa("std %@d\n", @std);
	normalize(@min, 10); printa("min %@d\n", @min);
	normalize(@a, -1); printa("a %s %@d\n", @a);
	normalize(@a, 10); clear(@a); printa("cleared %s %@d\n", @a);
	@a["x"] = sum(70); printa("still %s %@d\n", @a);
	trunc(@a); 
}
BEGIN { @a["z"] = sum(50); printa("z %s %@d\n", @a); exit(0); }

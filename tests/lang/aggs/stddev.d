BEGIN
{
	@a = stddev(5); @b = stddev(-5); @b = stddev(5); @c = stddev(10); @c = stddev(20); @c = stddev(31);
	@d = stddev(5000000000); @d = stddev(-5000000000); @d = stddev(0);
	@e = stddev(0x7fffffffffffffff); @e = stddev(-0x7fffffffffffffff);
	exit(0);
}

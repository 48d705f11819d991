/* clear() leaves the keys; what comes next starts afresh. */
BEGIN
{
	@c[1] = count(); @s[1] = sum(5); @min[1] = min(5); @max[1] = max(-5); @avg[1] = avg(5);
	@std[1] = stddev(5); @std[1] = stddev(50); @q[1] = quantize(5); @l[1] = lquantize(5, 0, 10); @ll[1] = llquantize(5, 10, 0, 1, 10);
	clear(@c); clear(@s); clear(@min); clear(@max); clear(@avg); clear(@std); clear(@q); clear(@l); clear(@ll);
	printa("count %@d\n", @c); printa("sum %@d\n", @s); printa("min %@d\n", @min); printa("max %@d\n", @max);
	printa("avg %@d\n", @avg); printa("stddev %@d\n", @std); printa(@q); printa(@l); printa(@ll);
}
BEGIN
{
	@c[1] = count(); @s[1] = sum(6); @min[1] = min(7); @max[1] = max(-7); @avg[1] = avg(8);
	@std[1] = stddev(5); @q[1] = quantize(100); @l[1] = lquantize(7, 0, 10); @ll[1] = llquantize(7, 10, 0, 1, 10);
	exit(0);
}

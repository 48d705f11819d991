/* %@ of every function. */
BEGIN
{
	@cnt = count(); @sum = sum(-5); @min = min(7); @max = max(8); @avg = avg(-3); @avg = avg(-4);
	@std = stddev(2); @std = stddev(6);
	@q = quantize(3); @l = lquantize(3, 0, 10, 5); @ll = llquantize(30, 10, 0, 2, 10);
	printa("count %@d %@u %@x\n", @cnt);
	printa("sum %@d %@u %@x\n", @sum);
	printa("min %@d\n", @min);
	printa("max %@d\n", @max);
	printa("avg %@d\n", @avg);
	printa("stddev %@d\n", @std);
	printa("quantize %@d.\n", @q);
	printa("lquantize %@x.\n", @l);
	printa("llquantize %@u.\n", @ll);
	exit(0);
}

BEGIN
{
	@n[1] = count();
	@q[1] = quantize(4);
	@n[2] = count();
	@l[2] = lquantize(1, 0, 2);
	printa(@n, @q);
	printa("%d %@d%@d\n", @n, @q);
	printa("%d %@d %@d\n", @q, @l);
	exit(0);
}

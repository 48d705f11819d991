BEGIN
{
	@a = lquantize(0, 0, 10); @a = lquantize(9, 0, 10); @a = lquantize(10, 0, 10); @a = lquantize(-1, 0, 10);
	@b = lquantize(5, -10, 10, 5); @b = lquantize(-10, -10, 10, 5); @b = lquantize(-11, -10, 10, 5);
	@c = lquantize(7, 0, 10, 3); @c = lquantize(9, 0, 10, 3);
	@d = lquantize(5, 0, 10, 1, 7); @d = lquantize(6, 0, 10, 1, -2);
	@e = lquantize(0x100000001, 0, 10);
	exit(0);
}

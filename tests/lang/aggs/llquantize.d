BEGIN
{
	@a = llquantize(0, 10, 0, 2, 10); @a = llquantize(1, 10, 0, 2, 10); @a = llquantize(99, 10, 0, 2, 10); @a = llquantize(1000, 10, 0, 2, 10);
	@b = llquantize(1023, 2, 3, 9, 4); @b = llquantize(8, 2, 3, 9, 4); @b = llquantize(7, 2, 3, 9, 4); @b = llquantize(1024, 2, 3, 9, 4);
	@c = llquantize(-5, 10, 1, 2, 20, 3);
	exit(0);
}

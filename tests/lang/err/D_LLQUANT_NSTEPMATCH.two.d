BEGIN
{
	@a = llquantize(1, 10, 0, 3, 20); @a = llquantize(1, 10, 0, 3, 100);
}

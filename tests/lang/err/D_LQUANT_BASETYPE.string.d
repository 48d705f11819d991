BEGIN
{
	@a = lquantize(1, "a", 10);
}

BEGIN
{
	@a = quantize(1, "a");
}

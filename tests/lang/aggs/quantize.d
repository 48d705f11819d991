/* One row below and above what was seen. */
BEGIN
{
	@a = quantize(0); @a = quantize(1); @a = quantize(2); @a = quantize(3); @a = quantize(4);
	@b = quantize(-1); @b = quantize(-2); @b = quantize(-3); @b = quantize(-4); @b = quantize(-5);
	@c = quantize(0x7fffffffffffffff);
	@d = quantize(-0x7fffffffffffffff - 1);
	@e = quantize(0); @f = quantize(1023); @f = quantize(1024); @f = quantize(1024);
	exit(0);
}

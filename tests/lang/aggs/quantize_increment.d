/* Increments: weights, zero, negative ones. */
BEGIN
{
	@a = quantize(1, 5); @a = quantize(8, 15); @a = quantize(64, 0);
	@b = quantize(8, -3);
	@c = quantize(1, 6); @c = quantize(8, -2);
	@d = quantize(1, 1); @d = quantize(1, -1);
	@e = quantize(1, 1000000000000);
	exit(0);
}

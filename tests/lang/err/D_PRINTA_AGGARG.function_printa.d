BEGIN
{
	printa("%@d", quantize(1));
}

BEGIN
{
	trace((char *)8 / 2);
}

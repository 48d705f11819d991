BEGIN
{
	trace((char *)1 & 1);
}

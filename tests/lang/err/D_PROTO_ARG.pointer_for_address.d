BEGIN
{
	trace(copyinstr((char *)8));
}

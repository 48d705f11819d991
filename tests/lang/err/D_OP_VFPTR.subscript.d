BEGIN
{
	trace(((void *)8)[1]);
}

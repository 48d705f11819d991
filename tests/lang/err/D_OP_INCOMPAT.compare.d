BEGIN
{
	trace("a" == 5);
}

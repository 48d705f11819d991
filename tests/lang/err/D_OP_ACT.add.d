BEGIN
{
	x = 1 + trace(2);
}

BEGIN
{
	x = 4;
	x = (char *)0;
}

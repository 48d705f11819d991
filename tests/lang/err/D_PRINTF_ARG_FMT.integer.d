BEGIN
{
	printf(5);
}

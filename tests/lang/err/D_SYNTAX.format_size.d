BEGIN
{
	printf("%hs", "a");
}

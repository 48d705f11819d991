BEGIN
{
	printf("%k", 5);
}

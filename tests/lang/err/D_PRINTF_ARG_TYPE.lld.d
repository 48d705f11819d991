BEGIN
{
	printf("%lld", 5);
}

BEGIN
{
	printf("%s", (char *)8);
}

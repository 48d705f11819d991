BEGIN
{
	printf("%hd", 5);
}

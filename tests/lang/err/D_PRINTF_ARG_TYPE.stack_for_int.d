BEGIN
{
	printf("%d", ustack());
}

/* An unknown family is an illegal operation. */
BEGIN
{
	printf("%s\n", inet_ntop(77, alloca(16)));
}

BEGIN
{
	printf("on\n");
	exit(0);
}

ERROR
{
	printf("fault %d\n", arg4);
}

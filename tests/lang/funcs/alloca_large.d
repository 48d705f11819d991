/* Scratch is finite. */
BEGIN
{
	n = 1 << 30;
	alloca(n);
	printf("not reached\n");
}

BEGIN
{
	n = -1;
	alloca(n);
	printf("not reached\n");
}

BEGIN
{
	exit(0);
}

ERROR
{
	printf("fault %d\n", arg4);
}

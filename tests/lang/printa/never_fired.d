/* Aggregations that never fired are absent; so is what a printa() printed. */
BEGIN
{
	@a = count();
	@b = sum(2);
	printa("%@d\n", @a);
	exit(0);
}

BEGIN
/0/
{
	@c = count();
}

END
{
	printa(@c);
	printf(".");
	printa("%@d", @c);
	printf(".\n");
}

/* Nothing to print but the newline of the default form. */
BEGIN
{
	@a = count();
	@b = count();
	trunc(@a);
	printf("1");
	printa(@a);
	printf("2");
	printa("%@d\n", @a);
	printf("3");
	printa(@a, @b);
	exit(0);
}

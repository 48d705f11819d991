/* Without a format: a newline, then the table. */
BEGIN
{
	@a = count();
	@b[1] = sum(10);
	@b[2] = sum(5);
	@c["x", 1] = max(-3);
	@c["y", 2] = max(-4);
	printa(@a);
	printa(@b);
	printa(@c);
	exit(0);
}

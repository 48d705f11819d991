/* @@ testing */
/* @@ loud */
BEGIN
{
	@b[1] = sum(10);
	@b["x" == "x" ? 2 : 3] = sum(5);
	printa(@b);
	printa("%d %@d\n", @b);
	exit(0);
}

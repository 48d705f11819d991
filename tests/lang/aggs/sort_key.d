/* @@ flags: -x aggsortkey */
BEGIN
{
	@a["x", 1, 30] = sum(5);
	@b["x", 1, 30] = sum(4);
	@a["x", 2, 20] = sum(5);
	@b["x", 2, 20] = sum(6);
	@a["y", 1, 10] = sum(-2);
	@b["y", 1, 10] = sum(6);
	@a["a", 3, -1] = sum(7);
	printa("%s %d %d: %@d\n", @a);
	printa("%s %d %d: %@d %@d\n", @a, @b);
	exit(0);
}

/* Several aggregations: the union of their keys, 0 for what is missing. */
BEGIN
{
	@a["one"] = count();
	@a["two"] = count();
	@a["two"] = count();
	@b["two"] = sum(10);
	@b["three"] = sum(-5);
	@c["three"] = max(9);
	printa(@a, @b);
	printa("%s: %@d %@d %@d\n", @a, @b, @c);
	printa("%@d %@d %@d %@d\n", @a, @b);
	printa("%@d\n", @a, @b);
	printa("%s\n", @a, @b, @c);
	printa(@a, @b, @c);
	exit(0);
}

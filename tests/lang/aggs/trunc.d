BEGIN
{
	@a["a"] = sum(1); @a["b"] = sum(2); @a["c"] = sum(3); @a["d"] = sum(4);
	@b["a"] = sum(1); @b["b"] = sum(2); @b["c"] = sum(3); @b["d"] = sum(4);
	@c["a"] = sum(1); @d["a"] = sum(1); @e["a"] = sum(-5); @e["b"] = sum(3);
	trunc(@a, 2); printa("a %s %@d\n", @a);
	trunc(@b, -2); printa("b %s %@d\n", @b);
	trunc(@c); printa("c %s %@d\n", @c);
	trunc(@d, 0); printa("d %s %@d\n", @d);
	trunc(@e, 10); printa("e %s %@d\n", @e);
	trunc(@e, 1); printa("e %s %@d\n", @e);
}
BEGIN { @a["z"] = sum(9); @c["n"] = sum(2); printa("a %s %@d\n", @a); exit(0); }

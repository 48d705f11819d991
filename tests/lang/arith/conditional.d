/* ?: yields the common type: integers, strings, pointers, structs. */
struct s { int a; } x, y;

BEGIN
{
	c = 1; z = 0;
	printf("%d %d\n", c ? 1 : 2L, sizeof (c ? 1 : 2L));
	s = c ? "yes" : NULL;
	printf("%s [%s] %d\n", s, z ? "a" : NULL, strlen(c ? "abc" : "de"));
	printf("%s %s\n", z ? execname : probename, c ? "lit" : probename);
	p = (char *)alloca(8);
	bcopy("hi", p, 3);
	q = c ? p : p + 1;
	*(z ? p : q + 1) = 'o';
	printf("%s %d %d\n", stringof(p), sizeof (c ? p : q), q == p);
	q = z ? p : NULL;
	printf("%d %s\n", q == NULL, c ? p : "string");
	x.a = 1; y.a = 2;
	printf("%d %d\n", (z ? x : y).a, (c ? x : y).a);
	c == 1 ? (d = 5) : (d = 6);
	printf("%d %d\n", d, c ? z ? 1 : 2 : 3);
	a["k"] = 4;
	printf("%d\n", a["k"] ? a["k"] : a["none"]);
	exit(0);
}

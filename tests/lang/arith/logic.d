/* What is evaluated, and how often. */
BEGIN
{
	a = 0; b = 0;
	r = a++ && b++;
	printf("%d %d %d\n", r, a, b);
	r = a++ || b++;
	printf("%d %d %d\n", r, a, b);
	r = a++ ^^ b++;
	printf("%d %d %d\n", r, a, b);
	r = a ? b : c++;
	printf("%d %d\n", r, c);
	c = 5;
	printf("%s %s\n", c > 3 ? "big" : "small", c == 5 ? c > 4 ? "x" : "y" : "z");
	printf("%d %d %d\n", !0, !7, !!7);
	exit(0);
}

int c;

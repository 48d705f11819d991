/* The type of a result, as sizeof and comparisons show it. */
BEGIN
{
	c = (char)1; s = (short)1; i = 1; u = 1u; l = 1L; uc = (unsigned char)200;
	printf("%d %d %d %d\n", sizeof (c + c), sizeof (c + s), sizeof (i + u), sizeof (i + l));
	printf("%d %d %d\n", sizeof (c << l), sizeof (l << c), sizeof (!l));
	printf("%d %d %d\n", sizeof (c < l), sizeof (-c), sizeof (~s));
	m = -1;
	printf("%d %d %d\n", m < i, m < u, m < l);
	printf("%d %d\n", (char)-1 < c, (char)-1 < uc);
	printf("%d %d\n", m >> 1, (unsigned)m >> 28);
	printf("%d %d\n", -16 >> 2, l << 40);
	exit(0);
}

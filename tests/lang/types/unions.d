/* All members start at the same place. */
union u {
	int64_t l;
	struct { short lo; short hi; } s;
	char c[8];
};
union u g;

BEGIN
{
	g.l = 0x0102030441424344;
	printf("%x %x %c%c%c\n", g.s.lo, g.s.hi, g.c[0], g.c[1], g.c[2]);
	g.c[0] = 'z';
	printf("%x %d\n", g.l, sizeof (union u));
	h = g;
	h.s.hi = 0;
	printf("%x %x\n", g.s.hi, h.s.hi);
	exit(0);
}

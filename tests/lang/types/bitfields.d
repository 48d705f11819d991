/* Bit-fields: sign, width, steps, neighbours left alone. */
struct bits {
	unsigned a : 3;
	int b : 5;
	unsigned int : 4;
	unsigned c : 12;
	uint64_t d : 40;
	int8_t e : 8;
};
struct bits g;

BEGIN
{
	g.a = 9; g.b = -3; g.c = 0xabc; g.d = 0x123456789a; g.e = -1;
	printf("%d %d %x %x %d\n", g.a, g.b, g.c, g.d, g.e);
	g.a++; g.b -= 20; g.c <<= 4; g.d ^= 0xff; g.e++;
	printf("%d %d %x %x %d\n", g.a, g.b, g.c, g.d, g.e);
	printf("%d\n", sizeof (struct bits));
	this->p = (struct bits *)alloca(sizeof (struct bits));
	this->p->b = 15; this->p->a = 7;
	printf("%d %d %d\n", this->p->a, this->p->b, this->p->c);
	exit(0);
}

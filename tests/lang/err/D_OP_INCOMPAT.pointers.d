struct a { int x; };
struct b { int x; };

BEGIN
{
	trace((struct a *)0x10 == (struct b *)0x20);
}

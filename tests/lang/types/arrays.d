/* Arrays of fixed size: elements, decay, more than one dimension. */
int a[5];
int m[2][3];
char c[4];
struct { int x[2]; } s[3];

BEGIN
{
	a[0] = 10; a[4] = 14; i = 4;
	printf("%d %d %d\n", a[0], a[i], a[i - 1]);
	*(a + 1) = 11;
	p = &a[1];
	printf("%d %d %d\n", *p, p[3], p - a);
	m[1][2] = 5; m[0][2] = 2; m[1][0] = m[1][2] + m[0][2];
	printf("%d %d %d\n", m[1][2], m[i - 3][0], sizeof (m[0]));
	c[0] = 'o'; c[1] = 'k';
	printf("%s %d\n", stringof(c), sizeof (c));
	s[2].x[1] = 9;
	printf("%d %d\n", s[2].x[1], s[1].x[1]);
	printf("%d %d\n", 1[p], (i - 4)[a]);
	exit(0);
}

/* Compound assignment and steps, on every kind of lvalue. */
struct s { int m; short a[3]; unsigned b : 4; };
struct s g;
int arr[3];
this int t;

BEGIN
{
	x = 10;
	x += 5; x -= 3; x *= 4; x /= 6; x %= 5; x <<= 4; x >>= 1; x |= 3; x &= 14; x ^= 5;
	printf("%d\n", x);
	printf("%d %d %d %d %d\n", x++, x, ++x, x--, --x);
	self->x = 1; self->x += 2; self->x++;
	this->t = 4; this->t <<= 1; this->t--;
	printf("%d %d\n", self->x, this->t);
	m["k", 1] = 5; m["k", 1] *= 3; m["k", 1]--; m["new", 2]++;
	printf("%d %d\n", m["k", 1], m["new", 2]);
	self->m[1] = 2; self->m[1] <<= 3; ++self->m[1];
	printf("%d\n", self->m[1]);
	g.m = 3; g.m += 4; g.a[1] = 5; g.a[1]--; g.b = 9; g.b += 9; g.b++;
	printf("%d %d %d\n", g.m, g.a[1], g.b);
	arr[2] = 7; i = 2; arr[i] += 3; arr[i]++;
	printf("%d\n", arr[2]);
	this->p = (int *)alloca(16);
	this->p[1] = 6; *(this->p + 1) += 4; this->p[1]++; ++*(this->p + 1);
	printf("%d\n", this->p[1]);
	q = this->p; q++; *q -= 2; *q++ = *q;
	printf("%d %d\n", this->p[1], q - this->p);
	exit(0);
}

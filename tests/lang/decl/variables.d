/* Declarations of variables: forms, repeated, in any order. */
int a, *b, c[2], d[string];
self int s;
self string ss;
this short t;
unsigned long long int ull;
const char *cc;
char const *const ccc;
int *(*fp)(int, ...), (*pa)[4];
int a;
self int s;

BEGIN
{
	a = 1; c[1] = 2; d["x"] = 3; self->s = 4; self->ss = "five"; this->t = 6; ull = 7;
	printf("%d %d %d %d %s %d %d\n", a, c[1], d["x"], self->s, self->ss, this->t, ull);
	printf("%d %d %d\n", sizeof (fp), sizeof (pa), sizeof (*pa));
	printf("%d [%s] %d\n", never, text, self->untouched);
	exit(0);
}

int never;
string text;
self int untouched;

/* Translators of our own: struct and pointer, lazily, members left out. */
struct raw { int a; int b; char *bad; };
typedef struct nice { int sum; string name; int broken; int left_out; } nice_t;

translator nice_t < struct raw *r > {
	sum = r->a + r->b;
	name = r->a > 2 ? "large" : "small";
	broken = *r->bad;
};

BEGIN
{
	this->r = (struct raw *)alloca(sizeof (struct raw));
	this->r->a = 3; this->r->b = 4;
	printf("%d %s\n", xlate<nice_t>(this->r).sum, xlate<nice_t *>(this->r)->name);
	this->r->a = 1;
	printf("%d %s\n", xlate<nice_t *>(this->r)->sum, xlate<nice_t>(this->r).name);
	exit(0);
}

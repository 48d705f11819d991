/* Members of every kind; structs are values. */
struct inner { char c; int64_t l; };
struct outer {
	struct inner one;
	struct inner many[2];
	int grid[2][3];
	char name[8];
	struct outer *next;
	struct { int x; int y; };
	union { int u; char bytes[4]; };
};
struct outer g;
struct outer byname[string];
self struct inner ti;

BEGIN
{
	g.one.c = 'q'; g.one.l = -5; g.many[1].l = 77;
	g.grid[1][2] = 12; g.grid[0][1] = 1;
	g.name[0] = 'h'; g.name[1] = 'i';
	g.x = 3; g.y = 4; g.u = 0x41424344;
	i = 1;
	printf("%c %d %d\n", g.one.c, g.one.l, g.many[i].l);
	printf("%d %d %d\n", g.grid[1][2], g.grid[0][1], g.grid[i - 1][i]);
	printf("%s %d %d %x\n", stringof(g.name), g.x, g.y, g.bytes[0]);
	byname["a"] = g;
	byname["a"].one.l++;
	printf("%d %d %d\n", byname["a"].one.l, g.one.l, byname["none"].one.l);
	self->ti = byname["a"].one;
	self->ti.l *= 10;
	printf("%d %d\n", self->ti.l, byname["a"].one.l);
	this->p = (struct outer *)alloca(sizeof (struct outer));
	*this->p = g;
	this->p->next = this->p;
	this->p->next->next->many[0].l = 9;
	printf("%d %d %s\n", this->p->many[0].l, (*this->p).x, stringof(this->p->name));
	h = *this->p;
	printf("%d %d\n", h.many[0].l, g.many[0].l);
	exit(0);
}

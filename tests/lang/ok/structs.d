struct in { int a : 3; int b : 5; };
struct s { int x; struct in i; char name[8]; struct s *next; union { int u; long v; }; };
struct s v;
struct s w;
struct s *by[int];

BEGIN
{
	v.x = 1; v.i.b = 3; w = v; p = (struct s *)alloca(sizeof (struct s)); p->x = 4; p->i.a = 1; *p = v; by[1] = p; trace(by[1]->x); trace(p->name); trace(stringof(p->name)); trace(offsetof(struct s, next)); trace(sizeof (v.name)); trace(v.u); v.x++; v.i.b -= 1; trace(p->next); trace(&p->i); print(v); print(p);
}

/* Pointers into D's memory: arithmetic, lists, comparisons, null. */
struct node { struct node *next; int v; };

BEGIN
{
	this->p = (int *)alloca(40);
	this->p[3] = 7; *(this->p + 1) = 5;
	q = this->p + 3;
	printf("%d %d %d %d\n", *q, q - this->p, this->p[1], *--q);
	q++;
	printf("%d %d %d %d\n", *q, q > this->p, q == &this->p[3], q != NULL);
	*q++ = 8; *--q += 1; (*q)++;
	printf("%d %d\n", this->p[3], this->p[2]);
	n = (struct node *)alloca(sizeof (struct node));
	m = (struct node *)alloca(sizeof (struct node));
	n->next = m; n->v = 1; m->v = 2; m->next = NULL;
	printf("%d %d %d\n", n->next->v, n->next->next == NULL, (*n->next).v);
	pp = (int **)alloca(8);
	*pp = &m->v;
	**pp = 9;
	printf("%d %d\n", m->v, *pp[0]);
	v = (void *)q;
	printf("%d %d\n", v == q, *(int *)v);
	x = (int *)16;
	printf("%d %d %d\n", (long)(x + 1), (long)(x - 1), (long)&x[2]);
	x = 0;
	printf("%d %d\n", x == NULL, !x);
	exit(0);
}

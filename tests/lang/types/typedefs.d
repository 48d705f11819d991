/* Names for types, also where a variable takes one over. */
typedef int number, *pointer, triple[3];
typedef struct node { struct node *next; number v; } node_t;
typedef number renamed;
typedef int (*callback)(int, char *);
renamed r;
triple t3;
node_t n;

BEGIN
{
	r = 3; t3[2] = 4; n.v = 5;
	printf("%d %d %d\n", r, t3[2], n.v);
	printf("%d %d %d %d\n", sizeof (number), sizeof (pointer), sizeof (triple),
	    sizeof (node_t));
	printf("%d %d\n", sizeof (callback), sizeof (renamed));
	number = 6;	/* a variable from here on, for the checks behind the parser */
	this->p = (pointer)alloca(8);
	*this->p = 7;
	printf("%d\n", *this->p);
	exit(0);
}

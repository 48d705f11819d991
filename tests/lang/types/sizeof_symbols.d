/* sizeof wants the type only: no symbol need be there. */
extern int nowhere;
extern struct { char c[24]; } table;

BEGIN
{
	printf("%d %d\n", sizeof (nowhere), sizeof (table));
	exit(0);
}

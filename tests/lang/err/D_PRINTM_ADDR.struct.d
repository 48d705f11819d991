struct s { int a; };
struct s v;

BEGIN
{
	printm(4, v);
}

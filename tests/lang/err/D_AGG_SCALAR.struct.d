struct s { int a; };
struct s v;

BEGIN
{
	@a = avg(v);
}

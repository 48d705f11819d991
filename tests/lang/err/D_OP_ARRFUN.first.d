struct s { int m[4]; };
struct s v;

BEGIN
{
	x = v.m;
}

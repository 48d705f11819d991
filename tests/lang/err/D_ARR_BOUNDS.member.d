struct s { int m[2]; };
struct s v;

BEGIN
{
	trace(v.m[2]);
}

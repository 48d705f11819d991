struct s { double d; };
struct s v;

BEGIN
{
	trace(v.d & 1);
}

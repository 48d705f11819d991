inline int i = 1;
inline int i = 2;

BEGIN
{
	trace(1);
}

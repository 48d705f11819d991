inline int i = i + 1;

BEGIN
{
	trace(i);
}

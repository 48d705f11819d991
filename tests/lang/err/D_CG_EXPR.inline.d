inline int i = exit(1);

BEGIN
{
	trace(i);
}

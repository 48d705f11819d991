extern int nowhere;

BEGIN
{
	trace(nowhere);
	trace(5 -> x);
}

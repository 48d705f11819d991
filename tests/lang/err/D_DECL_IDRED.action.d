int printf;

BEGIN
{
	trace(1);
}

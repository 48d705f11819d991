inline int i = "a";

BEGIN
{
	trace(i);
}

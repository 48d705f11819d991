BEGIN
{
	trace(avg(3));
}

BEGIN
{
	trace(((struct nosuch_anywhere *)8)->x);
}

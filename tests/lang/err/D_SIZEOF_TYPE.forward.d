BEGIN
{
	trace(sizeof (struct nosuch_anywhere));
}

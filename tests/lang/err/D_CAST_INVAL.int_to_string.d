BEGIN
{
	trace((string)5);
}

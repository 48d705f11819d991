BEGIN
{
	trace((void *)8 - (void *)4);
}

BEGIN
{
	@a = count(); clear();
}

BEGIN
{
	@a = count(); @a++;
}

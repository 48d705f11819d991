BEGIN
{
	x = speculation(); @a = count(); commit(x);
}

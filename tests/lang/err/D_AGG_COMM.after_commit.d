BEGIN
{
	x = speculation(); commit(x); @a = count();
}

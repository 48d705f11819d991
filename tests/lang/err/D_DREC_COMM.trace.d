BEGIN
{
	x = speculation(); commit(x); trace(1);
}

BEGIN
{
	x = speculation(); commit(x); commit(x);
}

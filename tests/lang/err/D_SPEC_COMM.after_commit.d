BEGIN
{
	x = speculation(); commit(x); speculate(x);
}

BEGIN
{
	x = speculation(); speculate(x); raise(9);
}

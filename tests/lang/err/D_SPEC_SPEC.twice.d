BEGIN
{
	x = speculation(); speculate(x); speculate(x);
}

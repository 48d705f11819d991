BEGIN
{
	x = speculation(); speculate(x); exit(0);
}

BEGIN
{
	x = speculation(); trace(1); speculate(x);
}

BEGIN
{
	x = speculation(); speculate(x); @a = count();
}

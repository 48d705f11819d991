BEGIN
{
	x = speculation(); speculate(x); system("true");
}

BEGIN
{
	x = speculation(); speculate(x); stop();
}

BEGIN
{
	trunc(sum(1), 2);
}

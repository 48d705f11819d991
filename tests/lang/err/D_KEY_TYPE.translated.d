BEGIN
{
	a[curpsinfo] = 1;
}

BEGIN
{
	curpsinfo;
}

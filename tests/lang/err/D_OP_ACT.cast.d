BEGIN
{
	(void)exit(0);
}

BEGIN
{
	system("true", 1);
}

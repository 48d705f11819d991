BEGIN
{
	pid ? printf("x") : 1;
}

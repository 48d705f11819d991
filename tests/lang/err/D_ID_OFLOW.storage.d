char huge[2000000000];

BEGIN
{
	exit(0);
}

inline int i = 4;

BEGIN
{
	i = 5;
}

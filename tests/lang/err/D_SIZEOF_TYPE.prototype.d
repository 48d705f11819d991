int nowhere(char *);

BEGIN
{
	trace(sizeof (nowhere));
}

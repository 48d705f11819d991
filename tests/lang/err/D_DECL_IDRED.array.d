int x[int];
int x[string];

BEGIN
{
	trace(1);
}

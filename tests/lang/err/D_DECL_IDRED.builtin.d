int pid;

BEGIN
{
	trace(1);
}

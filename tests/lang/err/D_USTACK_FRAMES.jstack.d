BEGIN
{
	jstack(pid);
}

BEGIN
{
	x = mutex_owned(99);
}

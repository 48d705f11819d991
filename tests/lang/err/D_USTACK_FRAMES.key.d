BEGIN
{
	@a[ustack(-1)] = count();
}

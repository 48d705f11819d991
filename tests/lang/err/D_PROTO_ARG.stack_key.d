BEGIN
{
	@a[ustack()] = count(); @a[1] = count();
}

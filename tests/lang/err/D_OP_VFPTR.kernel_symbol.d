BEGIN
{
	p = (void *)&`kmem_flags;
	p = p + 1;
}

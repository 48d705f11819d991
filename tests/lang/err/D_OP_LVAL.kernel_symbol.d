BEGIN
{
	&`kmem_flags = (int *)0;
}

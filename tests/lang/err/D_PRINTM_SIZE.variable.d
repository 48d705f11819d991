BEGIN
{
	printm(pid, memref((void *)arg0, 4));
}

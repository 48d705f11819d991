BEGIN
{
	x = speculation(); commit(x); if (pid) trace(1);
}

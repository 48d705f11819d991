BEGIN
{
	tracemem(arg0, -1);
}

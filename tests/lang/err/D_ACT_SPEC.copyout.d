BEGIN
{
	x = speculation(); speculate(x); copyout(alloca(1), arg0, 1);
}

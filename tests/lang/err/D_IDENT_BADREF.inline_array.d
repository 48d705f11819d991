inline int f[int k] = k + 1;

BEGIN
{
	trace(f);
}

typedef int (*fn)(int);

BEGIN
{
	trace(*(fn)8);
}

extern int nosuchsym;

BEGIN
{
	trace(nosuchsym);
}

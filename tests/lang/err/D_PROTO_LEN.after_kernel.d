BEGIN
{
	trace(curthread);
	trace();
}

BEGIN
{
	trace(alloca("a"));
}

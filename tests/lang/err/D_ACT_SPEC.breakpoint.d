BEGIN
{
	speculate(speculation());
	breakpoint();
}

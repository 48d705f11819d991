BEGIN
{
	denormalize(max(pid));
}

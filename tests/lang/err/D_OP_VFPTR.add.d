BEGIN
{
	x = (void *)8; trace(x + 1);
}

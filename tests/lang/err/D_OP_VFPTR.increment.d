BEGIN
{
	x = (void *)8; x++;
}

BEGIN
{
	copyoutstr("x", 1);
}

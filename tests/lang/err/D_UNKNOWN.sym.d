BEGIN
{
	sym(1);
}

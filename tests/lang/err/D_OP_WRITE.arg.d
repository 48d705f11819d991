BEGIN
{
	arg0 = 5;
}

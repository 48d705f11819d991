const int limit;

BEGIN
{
	limit = 5;
}

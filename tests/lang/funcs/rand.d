/* rand() is not negative and varies. */
BEGIN
{
	a = rand(); b = rand(); c = rand();
	printf("%d %d\n", a >= 0 && b >= 0 && c >= 0, a != b || b != c);
	exit(0);
}

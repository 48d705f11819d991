/* Truncation is towards zero; what would trap does not. */
BEGIN
{
	a = 7; b = -7; c = 2; d = -2;
	printf("%d %d %d %d\n", a / c, a / d, b / c, b / d);
	printf("%d %d %d %d\n", a % c, a % d, b % c, b % d);
	least = -9223372036854775807 - 1; m1 = -1;
	printf("%d %d\n", least / m1, least % m1);
	u = 0xffffffffffffffff; t = 10ull;
	printf("%u %u\n", u / t, u % t);
	exit(0);
}

/* Every level binds as in C. */
BEGIN
{
	a = 2; b = 3; c = 4;
	printf("%d %d %d\n", a + b * c, (a + b) * c, a * b + c);
	printf("%d %d %d\n", 20 - 5 - 3, 100 / 10 / 2, 100 % 7 % 3);
	printf("%d %d %d\n", 1 << 2 + 1, 1 + 2 << 1, 256 >> 2 >> 1);
	printf("%d %d %d\n", 1 | 2 ^ 3 & 4, (1 | 2) ^ 3, 6 & 3 == 3);
	printf("%d %d %d\n", 1 < 2 == 1, 3 > 2 > 1, 1 == 1 != 0);
	printf("%d %d %d\n", 1 || 0 && 0, (1 || 0) && 0, 1 ^^ 1 || 1);
	printf("%d %d\n", 0 ? 1 : 0 ? 2 : 3, (1, 2, 3));
	printf("%d %d %d\n", -a + b, ~a & 7, !a + 1);
	printf("%d %d\n", -2 * -3, 5 - -3);
	x = y = z = 7;
	printf("%d %d %d\n", x, y, z);
	exit(0);
}

/* Integer and character literals and their types. */
BEGIN
{
	printf("%d %d %d %d\n", 0, 010, 0x1f, 0XFF);
	printf("%d %d %d\n", sizeof 1, sizeof 2147483648, sizeof 0xffffffff);
	printf("%d %d %d %d\n", sizeof 1u, sizeof 1l, sizeof 1UL, sizeof 1ull);
	printf("%u %x\n", 18446744073709551615ull, 0xffffffffffffffff);
	printf("%d %d %d %d\n", 'a', '\n', '\0', '\\');
	printf("%d %d %d %d\n", '\101', '\x41', '"', '\'');
	printf("%x %x\n", 'ab', 'abcdefgh');
	printf("%d %d\n", sizeof 'a', sizeof 'abcde');
	printf("%s|%s|%s\n", "a\tb", "\x41\102\"", "back\\slash");
	exit(0);
}

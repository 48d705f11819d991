/* # 0 - + blank ' ? */
BEGIN
{
	printf("%#x %#X %#o %#x", 255, 255, 8, 0);
	printf("|\n");
	printf("%5d|%-5d|%05d", 42, 42, 42);
	printf("|\n");
	printf("%+d|% d|%+d|% d", 42, 42, -42, -42);
	printf("|\n");
	printf("%+05d|%-05d|%0-5d", 42, 42, 42);
	printf("|\n");
	printf("%#10x|%-#10x|%#010x", 255, 255, 255);
	printf("|\n");
	printf("%'d %'d %'u", 1234567, -1234, 999);
	printf("|\n");
	printf("%?x|%-?x|%0?x|%?d|%?p", 255, 255, 255, 1, 255);
	printf("|\n");
	printf("%5s|%-5s|%05d", "abc", "abc", -3);
	printf("|\n");
	exit(0);
}

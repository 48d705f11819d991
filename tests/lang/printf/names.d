/* %P and %I */
BEGIN
{
	printf("%P %P", (uint16_t)64999, (uint16_t)65535);
	printf("|\n");
	printf("%I %I", "not an address", "300.1.1.1");
	printf("|\n");
	exit(0);
}

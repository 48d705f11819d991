/* signed or not by the type, cut to its size */
BEGIN
{
	printf("%d %d %d", -1, 4294967295, 0);
	printf("|\n");
	printf("%d %d %d %d", (char)-1, (short)-1, -1, (long)-1);
	printf("|\n");
	printf("%d %d %d", (uint8_t)-1, (uint16_t)-1, (uint32_t)-1);
	printf("|\n");
	printf("%i %i", -1, (uint32_t)-1);
	printf("|\n");
	printf("%u %u %u %u", (char)-1, (short)-1, -1, (long)-1);
	printf("|\n");
	printf("%x %x %x %x", (char)-1, (short)-1, -1, (long)-1);
	printf("|\n");
	printf("%X %o", 48879, 511);
	printf("|\n");
	printf("%d %d", 0x7fffffffffffffff, (int64_t)0x8000000000000000);
	printf("|\n");
	printf("%u", (uint64_t)-1);
	printf("|\n");
	exit(0);
}

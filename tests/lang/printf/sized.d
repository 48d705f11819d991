/* modifiers name the type */
BEGIN
{
	printf("%hd %hi %hu %ho %hx %hX", (short)-1, (short)-2, (unsigned short)65535, (unsigned short)8, (short)-1, (unsigned short)255);
	printf("|\n");
	printf("%ld %li %lu %lo %lx %lX", (long)-1, (long)-2, (unsigned long)5, (unsigned long)8, (long)-1, (unsigned long)255);
	printf("|\n");
	printf("%lld %lli %llu %llo %llx %llX", (long long)-1, (long long)-2, (unsigned long long)5, (unsigned long long)8, (long long)-1, (unsigned long long)255);
	printf("|\n");
	printf("%llx %llx", (uint64_t)1, (int64_t)-1);
	printf("|\n");
	printf("%ld %lu", (int64_t)-1, (uint64_t)1);
	printf("|\n");
	printf("%lc%wc", 65, 0x20ac);
	printf("|\n");
	exit(0);
}

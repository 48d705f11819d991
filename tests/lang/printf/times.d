/* %T and %Y in local time */
BEGIN
{
	printf("%Y", (int64_t)1075064400000000000);
	printf("|\n");
	printf("%T", (int64_t)1075064400000000000);
	printf("|\n");
	printf("%Y", (uint64_t)1000000000);
	printf("|\n");
	printf("%30Y|%-30Y|", (int64_t)0, (int64_t)0);
	printf("|\n");
	printf("%Y %T", (int64_t)951782400123456789, (int64_t)951782400123456789);
	printf("|\n");
	exit(0);
}

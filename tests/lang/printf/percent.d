/* literals */
BEGIN
{
	printf("%%");
	printf("|\n");
	printf("100%% of %d%%", 5);
	printf("|\n");
	printf("\x41\101\t\\\"\a\b");
	printf("|\n");
	printf("no conversion");
	printf("|\n");
	printf("%d", '\n');
	printf("|\n");
	printf("%s", "%d");
	printf("|\n");
	exit(0);
}

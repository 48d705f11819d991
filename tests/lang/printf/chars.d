/* %c and %C */
BEGIN
{
	printf("%c%c%c", 65, 'b', (char)67);
	printf("|\n");
	printf("%5c|%-5c|", 65, 66);
	printf("|\n");
	printf("%C %C %C %C", 10, 65, 7, 200);
	printf("|\n");
	printf("%c", 0x141);
	printf("|\n");
	exit(0);
}

/* %p is hexadecimal without 0x; %a and %A resolve if there is something */
BEGIN
{
	printf("%p %p %p", 0x1234, (void *)0, (void *)-1);
	printf("|\n");
	printf("%#p %10p|%-10p|", 0x1234, 0x1234, 0x1234);
	printf("|\n");
	printf("%a %a", 0x1234, (void *)0);
	printf("|\n");
	exit(0);
}

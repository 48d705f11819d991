/* %s and %S */
BEGIN
{
	printf("%s %s %s", "abc", probename, execname);
	printf("|\n");
	printf("%s", "");
	printf("|\n");
	printf("[%s]", probefunc);
	printf("|\n");
	printf("%S", "a\tb\n\"q\\ \001\177\377");
	printf("|\n");
	printf("%S", "plain");
	printf("|\n");
	printf("%5S|%-8S|%.2S", "\n", "\t", "abc");
	printf("|\n");
	printf("%s", "cut\0off");
	printf("|\n");
	printf("%s", stringof("x"));
	printf("|\n");
	exit(0);
}

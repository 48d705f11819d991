/* enumerators are integers */
BEGIN
{
	printf("%d %x", SIGKILL, O_CREAT);
	printf("|\n");
	printf("%d %d", EPERM, ENOENT);
	printf("|\n");
	exit(0);
}

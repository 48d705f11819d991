/* strtok(): across clauses of one firing, never changing its argument. */
BEGIN
{
	this->s = ",,a,bc;;d,";
	printf("[%s]", strtok(this->s, ",;"));
	printf("[%s]", strtok(NULL, ",;"));
	printf("[%s]", strtok(NULL, ","));
	printf("[%s]", strtok(NULL, ","));
	printf("[%s]\n", strtok(NULL, ","));
	printf("%d %s\n", strtok(NULL, ",") == NULL, this->s);
}

BEGIN
{
	printf("[%s]", strtok("one two", " "));
}

BEGIN
{
	printf("[%s]\n", strtok(NULL, " "));
	printf("%d", strtok("", ",") == NULL);
	printf("%d", strtok(",,,", ",") == NULL);
	printf("[%s]", strtok("abc", ""));
	printf("[%s]", strtok("abc", "c"));
	printf("[%s]\n", strtok("abc", "abx") );
	printf("%d\n", strtok(NULL, ",") == NULL);
	exit(0);
}

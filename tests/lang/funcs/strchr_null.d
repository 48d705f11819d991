/* No match is NULL, which compares with it; a match of the terminator is not. */
BEGIN
{
	printf("%d %d %d %d\n", strchr("abc", 'x') == NULL, strrchr("abc", 'x') == NULL,
	    strchr("abc", 'b') == NULL, strchr("abc", 0) == NULL);
	printf("%d %d\n", strstr("abc", "x") == NULL, strstr("abc", "b") != NULL);
	exit(0);
}

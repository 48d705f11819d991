/* strchr() and strrchr() */
BEGIN
{
	printf("strchr(\"hello\", 'l') = [%s]\n", strchr("hello", 'l'));
	printf("strrchr(\"hello\", 'l') = [%s]\n", strrchr("hello", 'l'));
	printf("strchr(\"hello\", 'h') = [%s]\n", strchr("hello", 'h'));
	printf("strrchr(\"hello\", 'h') = [%s]\n", strrchr("hello", 'h'));
	printf("strchr(\"hello\", 'o') = [%s]\n", strchr("hello", 'o'));
	printf("strrchr(\"hello\", 'o') = [%s]\n", strrchr("hello", 'o'));
	printf("strchr(\"hello\", 'x') = [%s]\n", strchr("hello", 'x'));
	printf("strrchr(\"hello\", 'x') = [%s]\n", strrchr("hello", 'x'));
	printf("strchr(\"\", 'x') = [%s]\n", strchr("", 'x'));
	printf("strrchr(\"\", 'x') = [%s]\n", strrchr("", 'x'));
	printf("strchr(\"hello\", 0) = [%s]\n", strchr("hello", 0));
	printf("strrchr(\"hello\", 0) = [%s]\n", strrchr("hello", 0));
	printf("strchr(\"hello\", 0x100 + 'l') = [%s]\n", strchr("hello", 0x100 + 'l'));
	exit(0);
}

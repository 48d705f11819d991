/* strjoin() */
BEGIN
{
	printf("strjoin(\"foo\", \"bar\") = [%s]\n", strjoin("foo", "bar"));
	printf("strjoin(\"\", \"bar\") = [%s]\n", strjoin("", "bar"));
	printf("strjoin(\"foo\", \"\") = [%s]\n", strjoin("foo", ""));
	printf("strjoin(\"\", \"\") = [%s]\n", strjoin("", ""));
	printf("strjoin(strjoin(\"a\", \"b\"), strjoin(\"c\", \"d\")) = [%s]\n", strjoin(strjoin("a", "b"), strjoin("c", "d")));
	printf("strjoin(probename, lltostr(12)) = [%s]\n", strjoin(probename, lltostr(12)));
	exit(0);
}

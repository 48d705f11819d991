/* strstr() */
BEGIN
{
	printf("strstr(\"hello world\", \"o w\") = [%s]\n", strstr("hello world", "o w"));
	printf("strstr(\"hello world\", \"hello world\") = [%s]\n", strstr("hello world", "hello world"));
	printf("strstr(\"hello world\", \"hello world!\") = [%s]\n", strstr("hello world", "hello world!"));
	printf("strstr(\"hello world\", \"d\") = [%s]\n", strstr("hello world", "d"));
	printf("strstr(\"hello world\", \"\") = [%s]\n", strstr("hello world", ""));
	printf("strstr(\"\", \"\") = [%s]\n", strstr("", ""));
	printf("strstr(\"\", \"a\") = [%s]\n", strstr("", "a"));
	printf("strstr(\"aaab\", \"aab\") = [%s]\n", strstr("aaab", "aab"));
	printf("strstr(\"hello\", \"hellp\") = [%s]\n", strstr("hello", "hellp"));
	exit(0);
}

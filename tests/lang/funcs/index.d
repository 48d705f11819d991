/* index(): first occurrence at or after a position */
BEGIN
{
	printf("index(\"abcabc\", \"b\") = %d\n", index("abcabc", "b"));
	printf("index(\"abcabc\", \"bc\", 2) = %d\n", index("abcabc", "bc", 2));
	printf("index(\"abcabc\", \"z\") = %d\n", index("abcabc", "z"));
	printf("index(\"abcabc\", \"abcabcd\") = %d\n", index("abcabc", "abcabcd"));
	printf("index(\"abcabc\", \"\") = %d\n", index("abcabc", ""));
	printf("index(\"abcabc\", \"\", 2) = %d\n", index("abcabc", "", 2));
	printf("index(\"abcabc\", \"\", 6) = %d\n", index("abcabc", "", 6));
	printf("index(\"abcabc\", \"\", 100) = %d\n", index("abcabc", "", 100));
	printf("index(\"abcabc\", \"b\", -5) = %d\n", index("abcabc", "b", -5));
	printf("index(\"abcabc\", \"b\", 5) = %d\n", index("abcabc", "b", 5));
	printf("index(\"abcabc\", \"b\", 100) = %d\n", index("abcabc", "b", 100));
	printf("index(\"\", \"\") = %d\n", index("", ""));
	printf("index(\"\", \"a\") = %d\n", index("", "a"));
	printf("index(\"\", \"\", 5) = %d\n", index("", "", 5));
	printf("index(\"\", \"\", -5) = %d\n", index("", "", -5));
	exit(0);
}

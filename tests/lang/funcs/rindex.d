/* rindex(): last occurrence that starts at or before a position */
BEGIN
{
	printf("rindex(\"abcabc\", \"b\") = %d\n", rindex("abcabc", "b"));
	printf("rindex(\"abcabc\", \"bc\", 3) = %d\n", rindex("abcabc", "bc", 3));
	printf("rindex(\"abcabc\", \"b\", 4) = %d\n", rindex("abcabc", "b", 4));
	printf("rindex(\"abcabc\", \"a\", 0) = %d\n", rindex("abcabc", "a", 0));
	printf("rindex(\"abcabc\", \"b\", 0) = %d\n", rindex("abcabc", "b", 0));
	printf("rindex(\"abcabc\", \"z\") = %d\n", rindex("abcabc", "z"));
	printf("rindex(\"abcabc\", \"abcabcd\") = %d\n", rindex("abcabc", "abcabcd"));
	printf("rindex(\"abcabc\", \"\") = %d\n", rindex("abcabc", ""));
	printf("rindex(\"abcabc\", \"\", 2) = %d\n", rindex("abcabc", "", 2));
	printf("rindex(\"abcabc\", \"\", 100) = %d\n", rindex("abcabc", "", 100));
	printf("rindex(\"abcabc\", \"\", -1) = %d\n", rindex("abcabc", "", -1));
	printf("rindex(\"abcabc\", \"a\", -1) = %d\n", rindex("abcabc", "a", -1));
	printf("rindex(\"\", \"\") = %d\n", rindex("", ""));
	printf("rindex(\"\", \"a\") = %d\n", rindex("", "a"));
	printf("rindex(\"\", \"\", 7) = %d\n", rindex("", "", 7));
	printf("rindex(\"\", \"\", -7) = %d\n", rindex("", "", -7));
	exit(0);
}

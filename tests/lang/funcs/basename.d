/* basename(): the last component, trailing slashes dropped */
BEGIN
{
	printf("basename(\"/a/b/c\") = [%s]\n", basename("/a/b/c"));
	printf("basename(\"a\") = [%s]\n", basename("a"));
	printf("basename(\"/a\") = [%s]\n", basename("/a"));
	printf("basename(\"a/\") = [%s]\n", basename("a/"));
	printf("basename(\"a//b//\") = [%s]\n", basename("a//b//"));
	printf("basename(\"/\") = [%s]\n", basename("/"));
	printf("basename(\"///\") = [%s]\n", basename("///"));
	printf("basename(\"\") = [%s]\n", basename(""));
	printf("basename(\".\") = [%s]\n", basename("."));
	printf("basename(\"/.\") = [%s]\n", basename("/."));
	printf("basename(\"..\") = [%s]\n", basename(".."));
	exit(0);
}

/* dirname(): what stands before the last component */
BEGIN
{
	printf("dirname(\"/a/b/c\") = [%s]\n", dirname("/a/b/c"));
	printf("dirname(\"a\") = [%s]\n", dirname("a"));
	printf("dirname(\"/a\") = [%s]\n", dirname("/a"));
	printf("dirname(\"a/b\") = [%s]\n", dirname("a/b"));
	printf("dirname(\"a//b\") = [%s]\n", dirname("a//b"));
	printf("dirname(\"/a/b/\") = [%s]\n", dirname("/a/b/"));
	printf("dirname(\"/\") = [%s]\n", dirname("/"));
	printf("dirname(\"///\") = [%s]\n", dirname("///"));
	printf("dirname(\"//a\") = [%s]\n", dirname("//a"));
	printf("dirname(\"\") = [%s]\n", dirname(""));
	printf("dirname(\".\") = [%s]\n", dirname("."));
	exit(0);
}

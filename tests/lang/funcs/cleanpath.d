/* cleanpath(): textual, a trailing /. stays and a trailing /.. leaves the parent's slash */
BEGIN
{
	printf("cleanpath(\"/a/b\") = [%s]\n", cleanpath("/a/b"));
	printf("cleanpath(\"/a//b///c\") = [%s]\n", cleanpath("/a//b///c"));
	printf("cleanpath(\"/a/./b/././c\") = [%s]\n", cleanpath("/a/./b/././c"));
	printf("cleanpath(\"/a/b/../c\") = [%s]\n", cleanpath("/a/b/../c"));
	printf("cleanpath(\"/a/b/../../c\") = [%s]\n", cleanpath("/a/b/../../c"));
	printf("cleanpath(\"/a/../../b\") = [%s]\n", cleanpath("/a/../../b"));
	printf("cleanpath(\"/a/b/..\") = [%s]\n", cleanpath("/a/b/.."));
	printf("cleanpath(\"/a/b/.\") = [%s]\n", cleanpath("/a/b/."));
	printf("cleanpath(\"/a/\") = [%s]\n", cleanpath("/a/"));
	printf("cleanpath(\"/..\") = [%s]\n", cleanpath("/.."));
	printf("cleanpath(\"/../..\") = [%s]\n", cleanpath("/../.."));
	printf("cleanpath(\"a/../b\") = [%s]\n", cleanpath("a/../b"));
	printf("cleanpath(\"../a\") = [%s]\n", cleanpath("../a"));
	printf("cleanpath(\"./a\") = [%s]\n", cleanpath("./a"));
	printf("cleanpath(\"..a/...\") = [%s]\n", cleanpath("..a/..."));
	printf("cleanpath(\"/a/..b\") = [%s]\n", cleanpath("/a/..b"));
	printf("cleanpath(\"/a/.b/..\") = [%s]\n", cleanpath("/a/.b/.."));
	printf("cleanpath(\"/\") = [%s]\n", cleanpath("/"));
	printf("cleanpath(\"//\") = [%s]\n", cleanpath("//"));
	printf("cleanpath(\"\") = [%s]\n", cleanpath(""));
	exit(0);
}

/* substr(): Perl's rules */
BEGIN
{
	printf("substr(\"foobarbaz\", 0) = [%s]\n", substr("foobarbaz", 0));
	printf("substr(\"foobarbaz\", 3) = [%s]\n", substr("foobarbaz", 3));
	printf("substr(\"foobarbaz\", 3, 3) = [%s]\n", substr("foobarbaz", 3, 3));
	printf("substr(\"foobarbaz\", 8) = [%s]\n", substr("foobarbaz", 8));
	printf("substr(\"foobarbaz\", 9) = [%s]\n", substr("foobarbaz", 9));
	printf("substr(\"foobarbaz\", 100) = [%s]\n", substr("foobarbaz", 100));
	printf("substr(\"foobarbaz\", 3, 0) = [%s]\n", substr("foobarbaz", 3, 0));
	printf("substr(\"foobarbaz\", 3, 100) = [%s]\n", substr("foobarbaz", 3, 100));
	printf("substr(\"foobarbaz\", -3) = [%s]\n", substr("foobarbaz", -3));
	printf("substr(\"foobarbaz\", -3, 2) = [%s]\n", substr("foobarbaz", -3, 2));
	printf("substr(\"foobarbaz\", -3, -1) = [%s]\n", substr("foobarbaz", -3, -1));
	printf("substr(\"foobarbaz\", -9, 3) = [%s]\n", substr("foobarbaz", -9, 3));
	printf("substr(\"foobarbaz\", -10, 3) = [%s]\n", substr("foobarbaz", -10, 3));
	printf("substr(\"foobarbaz\", -20) = [%s]\n", substr("foobarbaz", -20));
	printf("substr(\"foobarbaz\", -20, 5) = [%s]\n", substr("foobarbaz", -20, 5));
	printf("substr(\"foobarbaz\", -20, 12) = [%s]\n", substr("foobarbaz", -20, 12));
	printf("substr(\"foobarbaz\", 2, -2) = [%s]\n", substr("foobarbaz", 2, -2));
	printf("substr(\"foobarbaz\", 2, -7) = [%s]\n", substr("foobarbaz", 2, -7));
	printf("substr(\"foobarbaz\", 0, -20) = [%s]\n", substr("foobarbaz", 0, -20));
	printf("substr(\"\", 0) = [%s]\n", substr("", 0));
	printf("substr(\"\", 1, 1) = [%s]\n", substr("", 1, 1));
	printf("substr(\"\", -1) = [%s]\n", substr("", -1));
	exit(0);
}

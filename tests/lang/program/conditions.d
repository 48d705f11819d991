/* if and else, nested, with and without braces. */
BEGIN
{
	x = 5;
	if (x > 3)
		printf("a\n");
	if (x > 7) {
		printf("never\n");
	} else if (x == 5) {
		printf("b\n");
		if (x < 0) printf("never\n"); else { printf("c\n"); y = 1; }
	} else
		printf("never\n");
	if ("a" == "a" && y) ;
	else printf("never\n");
	if (0) { printf("never\n"); }
	exit(0);
}

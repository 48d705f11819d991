/* @@ flags: -x strsize=8 */
BEGIN
{
	x = "0123456789";
	printf("%s %d\n", x, strlen(x));
	printf("%s\n", strjoin("abcde", "fghij"));
	printf("%s\n", substr("0123456789", 1));
	printf("%s\n", basename("/0123456789"));
	printf("%s\n", lltostr(12345678901));
	printf("%d\n", strlen("0123456789"));
	printf("%d %d\n", x == "0123456", x == "0123456789");
	y[x] = 1;
	printf("%d %d\n", y["0123456"], y["0123456xyz"]);
	trace("0123456789");
	exit(0);
}

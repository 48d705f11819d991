/* Inlines: constants, expressions, with parameters. */
int x;
inline int LIMIT = 10;
inline string WORD = "word";
inline int next = x + 1;
inline int larger[int a, int b] = a > b ? a : b;
inline string name[int k] = k == 1 ? "one" : k == 2 ? "two" : "many";
inline int64_t twice[int64_t v] = v + v;
int arr[LIMIT];

BEGIN
/LIMIT == 10/
{
	x = 4;
	printf("%d %s %d %d\n", LIMIT, WORD, next, sizeof (arr));
	x++;
	printf("%d %d %d\n", next, larger[3, 9], larger[next, 2]);
	printf("%s %s %s\n", name[1], name[2], name[x]);
	printf("%d\n", twice[twice[x]]);
	@q = lquantize(3, 0, LIMIT, 5);
	clear(@q); trunc(@q);
	exit(0);
}

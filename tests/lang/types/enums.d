/* Enumerators are constants; values of the type are integers. */
enum color { RED, GREEN = 5, BLUE, DARK = -2, AFTER };
enum { ALONE = 1 << 4, SIZE = sizeof (int) };
enum color g;
int arr[ALONE];

BEGIN
{
	g = BLUE;
	printf("%d %d %d %d %d\n", RED, GREEN, BLUE, DARK, AFTER);
	printf("%d %d %d\n", ALONE, SIZE, sizeof (arr));
	printf("%d %d %d\n", g, g == BLUE, g > GREEN);
	tally[g] = 3; tally[RED]++;
	printf("%d %d\n", tally[BLUE], tally[RED]);
	printf("%d %d\n", sizeof (enum color), (enum color)5 == GREEN);
	g++;
	printf("%d\n", g);
	exit(0);
}

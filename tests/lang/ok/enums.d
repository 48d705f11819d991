enum color { RED, GREEN = 5, BLUE };
enum color c;

BEGIN
{
	c = GREEN; trace(c == BLUE); trace(RED + 1); c++; a[c] = 1; printf("%d", c);
}

/* Absent elements read as zero or NULL; zero takes an element away. */
string s[string];
string str;
int a[int];
self int b;
this int c;
BEGIN
{
	printf("%d %d [%s] %d\n", a[1], self->b, s["x"], this->c);
	a[1] = 5; a[1] = 0; s["x"] = "text"; s["x"] = 0;
	printf("%d [%s] %d\n", a[1], s["x"], s["x"] == NULL);
	str = "abc"; str = NULL;
	printf("[%s] %d\n", str, str == "");
	exit(0);
}

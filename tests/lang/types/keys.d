/* Associative arrays: keys of every type, converted to the first use's. */
struct point { int x; int y; };
enum e { A, B };
struct point p;
string declared[int, string];

BEGIN
{
	one[1] = 1; one[(char)1]++;
	printf("%d\n", one[1L]);
	two["a", 5] = 7;
	printf("%d %d %d\n", two["a", 5], two["a", 6], two["b", 5]);
	p.x = 1; p.y = 2; by[p] = 3;
	p.y = 3; by[p] = 4;
	p.y = 2;
	printf("%d\n", by[p]);
	en[B] = 8;
	printf("%d %d\n", en[A], en[1]);
	declared[1, "x"] = "yes";
	printf("[%s] [%s]\n", declared[1, "x"], declared[2, "x"]);
	eight[1, 2, 3, 4, 5, 6, 7, 8] = 12;
	printf("%d\n", eight[1, 2, 3, 4, 5, 6, 7, 8]);
	self->t[1, "z"] = 5; self->t[1, "z"]--;
	printf("%d %d\n", self->t[1, "z"], self->t[2, "z"]);
	one[1] = 0;
	printf("%d\n", one[1]);
	exit(0);
}

/* sizeof and offsetof. */
struct s { char a; int b; short c; long d; char e[5]; };
typedef struct s s_t;
union u { char a[3]; short b; };
string str;
char buf[10];

BEGIN
{
	printf("%d %d %d %d %d\n", sizeof (char), sizeof (short), sizeof (int), sizeof (long),
	    sizeof (long long));
	printf("%d %d %d\n", sizeof (void *), sizeof (int[4]), sizeof (char *[2]));
	printf("%d %d %d\n", sizeof (struct s), sizeof (s_t), sizeof (union u));
	printf("%d %d %d %d\n", offsetof(struct s, b), offsetof(s_t, c), offsetof(s_t, d),
	    offsetof(s_t, e));
	printf("%d %d %d\n", sizeof (str), sizeof (buf), sizeof (buf[1]));
	printf("%d %d %d\n", sizeof (pid), sizeof (timestamp), sizeof (arg0));
	printf("%d %d\n", sizeof (((struct s *)0)->e), sizeof (*(struct s *)0));
	printf("%d %d\n", sizeof "four", sizeof (NULL));
	printf("%d\n", sizeof (int) * 2 + sizeof 1);
	exit(0);
}

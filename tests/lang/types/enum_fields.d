/* Bit-fields of enumerations: negative only where an enumerator is. */
enum plain { P0, P1, P2, P3 };
enum sign { MINUS = -1, NONE, PLUS };
struct rec {
	enum plain a:2;
	enum sign b:2;
	enum plain c;
};
struct rec r;

BEGIN
{
	r.a = P3;
	r.b = MINUS;
	r.c = P2;
	printf("%d %d %d\n", r.a, r.b, r.c);
	printf("%d %d %d\n", r.a == P3, r.b == MINUS, r.b < NONE);
	r.b = PLUS;
	printf("%d %d\n", r.a++, r.b);
	printf("%d %d\n", r.a, r.b);
	exit(0);
}

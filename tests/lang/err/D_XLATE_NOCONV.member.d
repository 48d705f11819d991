struct out { int a; int b; string s; };
struct in { int x; };

translator struct out < struct in *I > { a = I->x; };

BEGIN
{
	trace(xlate <struct out *> ((struct in *)8)->b);
}

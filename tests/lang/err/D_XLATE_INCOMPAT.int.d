struct out { int a; int b; string s; };
struct in { int x; };

translator struct out < struct in *I > { s = I->x; };

BEGIN
{
	trace(1);
}

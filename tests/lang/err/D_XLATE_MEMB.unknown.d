struct out { int a; int b; string s; };
struct in { int x; };

translator struct out < struct in *I > { c = I->x; };

BEGIN
{
	trace(1);
}

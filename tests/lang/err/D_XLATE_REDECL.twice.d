struct out { int a; int b; string s; };
struct in { int x; };

translator struct out < struct in *I > { a = I->x; };
translator struct out < struct in *I > { b = I->x; };

BEGIN
{
	trace(1);
}

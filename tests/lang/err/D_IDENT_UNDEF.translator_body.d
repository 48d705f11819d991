struct out { int a; int b; string s; };
struct in { int x; };

translator struct out < struct in *I > { a = nosuch; };

BEGIN
{
	trace(1);
}

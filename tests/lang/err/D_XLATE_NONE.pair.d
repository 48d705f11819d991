struct out { int a; int b; string s; };
struct in { int x; };

BEGIN
{
	trace(xlate <struct out> ((struct in *)8).a);
}

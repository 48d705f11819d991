struct out { int a; string s; char n[4]; };
struct in { int x; };
translator struct out < struct in *I > { a = I->x; s = "abc"; n = "de"; };
struct out v;

BEGIN
{
	v = xlate <struct out> ((struct in *)arg0); trace(v.a); w = *xlate <struct out *> ((struct in *)arg1); trace(w.s);
}

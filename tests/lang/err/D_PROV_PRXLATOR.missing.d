struct out { int a; int b; string s; };
struct in { int x; };

provider prov {
	probe go(struct in *i) : (struct out *i);
};

BEGIN
{
	trace(1);
}

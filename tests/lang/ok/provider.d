struct out { int a; };
struct in { int x; };
translator struct out < struct in *I > { a = I->x; };
provider prov {
	probe go__there(struct in *i, int n) : (struct out *i, int n);
	probe none();
};
provider prov {
	probe go__there(struct in *i, int n) : (struct out *i, int n);
	probe none();
};

BEGIN
{
	trace(1);
}

provider prov {
	probe go(int);
};
provider prov {
	probe go(int, int);
};

BEGIN
{
	trace(1);
}

provider prov {
	probe go();
	probe go(int);
};

BEGIN
{
	trace(1);
}

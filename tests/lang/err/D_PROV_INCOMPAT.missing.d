provider prov {
	probe go();
	probe stop();
};
provider prov {
	probe go();
};

BEGIN
{
	trace(1);
}

provider p1 {
	probe go();
};

BEGIN
{
	trace(1);
}

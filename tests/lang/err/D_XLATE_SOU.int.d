translator int < int I > { a = I; };

BEGIN
{
	trace(1);
}

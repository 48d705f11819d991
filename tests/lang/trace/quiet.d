/* Quietly, values are not padded and nothing separates them. */
BEGIN
{
	trace(1);
	trace(-1);
	trace((char)'a');
	trace((uint8_t)255);
	trace((short)-2);
	trace((int64_t)-5);
	trace((uint64_t)-1);
	trace("abc");
	trace("");
	trace(123456789012);
	exit(0);
}

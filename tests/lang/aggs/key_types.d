/* Keys have a column by their type; numbers of one and two bytes too. */
struct s { int a; char b[4]; };
struct s v;
enum e { RED = 5, BLUE };
BEGIN
{
	v.a = 1;
	@a[(char)-1, (uint8_t)200, (short)-2, (uint16_t)65535] = count();
	@b[-1, (uint32_t)-1, (long)-1, (uint64_t)-1] = count();
	@c["str", probename, (void *)16] = count();
	@d[v] = count();
	@e[RED, BLUE] = count();
	@f[""] = count();
	@g["a key that is longer than fifty columns, which happens with paths"] = count();
	@h["cut\0short"] = count(); @h["cut"] = count();
	exit(0);
}

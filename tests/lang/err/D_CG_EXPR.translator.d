struct out {
	int o;
};

translator struct out < int i > {
	o = exit(i);
};

BEGIN
{
	exit(xlate <struct out> (1).o);
}

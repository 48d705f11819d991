/* Aggregations nothing printed are shown in the order in which the program names them. */
END
{
	@late["late"] = count();
	@other["other"] = sum(3);
}

BEGIN
{
	@other["other"] = sum(4);
	@first["first"] = count();
	exit(0);
}

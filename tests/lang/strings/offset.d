/* A string and an integer make the string that is left from there. */
BEGIN
{
	trace("abc" + 1);
	trace(1 + "xyz");
	x = "hello";
	x += 2;
	trace(x);
	trace(*("abc" + 2));
	trace(("abc" + 1)[1]);
	trace("abc" + 1 == "bc");
	trace(strlen("abcdef" + 2));
	printf("%s\n", "qwe" + 1);
}

BEGIN
{
	y = (string)NULL;
	trace(y + 1);
}

ERROR
{
	printf("fault %d at %x", arg4, arg5);
	exit(0);
}

/* Formats: keys left to right, %@ the value, fewer conversions than keys. */
BEGIN
{
	@c["x", 1, 'c'] = sum(-3);
	@c["y", 2, 'd'] = sum(40);
	printa("%s %d %c %@d\n", @c);
	printa("%@d %s %d %c\n", @c);
	printa("%s %@d\n", @c);
	printa("%@d\n", @c);
	printa("%s\n", @c);
	printa("nothing\n", @c);
	printa("%@5d|%@-5d|%@05d|%@x|%@u|%@i|%@o|%@+d\n", @c);
	printa("%10s|%-5d|%C|%@ld|%@8.3d\n", @c);
	exit(0);
}

/* @@ flags: -x rawbytes -x strsize=20 */
struct s { char c[5]; };
struct s g;
BEGIN
{
	trace("abc");
	g.c[0] = 'a';
	trace(g);
	trace(7);
	exit(0);
}

/* Control lines that are taken, and those that are left alone. */
#pragma D option quiet
  #  pragma   D   option   strsize=17
#pragma D option aggsortkey=true
#pragma ident "nobody reads this"
#ident "nor this"
#pragma weak something
#
# 40 "other.d"
#line 80
#pragma D attributes Stable/Stable/Common x
#pragma D binding "1.1" x
#pragma D depends_on provider dtrace
int x;

BEGIN
{
#pragma D option nspec=2
	printf("%d\n", sizeof (string));
	exit(0);
}

/* @@ flags: -x strsize=8 */
/* Strings are values: copied, cut at strsize, kept in every kind of variable. */
BEGIN
{
	s = "0123456789";
	t = s;
	s = "new";
	printf("%s %s %d\n", s, t, strlen(t));
	self->s = t; this->s = self->s; a[1, "k"] = this->s;
	printf("%s %s %s\n", self->s, this->s, a[1, "k"]);
	a[1, "k"] = 0;
	printf("[%s] [%s]\n", a[1, "k"], a[2, "none"]);
	printf("%d %d %d\n", sizeof (s), sizeof ("abc"), sizeof (string));
	printf("%c %d\n", t[1], s[0]);
	k["0123456zzz"] = 1;
	printf("%d\n", k["0123456"]);
	exit(0);
}

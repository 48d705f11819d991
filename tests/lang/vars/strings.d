/* Comparisons go by bytes, unsigned, up to the NUL. */
BEGIN
{
	printf("%d%d%d%d%d%d\n", "a" == "a", "a" != "b", "a" < "b", "b" <= "a", "ab" > "a", "" == NULL);
	printf("%d%d%d\n", "\377" > "a", "a\0b" == "a\0c", "" < "a");
	s = "x"; t = s; s = "y"; printf("%s%s\n", s, t);
	s = strjoin(s, t); s = strjoin(s, s); printf("%s %d\n", s, strlen(s));
	printf("%c%c\n", s[0], s[1]);
	exit(0);
}

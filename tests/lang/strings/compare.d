/* Operators on strings compare bytes; on two char pointers, addresses. */
BEGIN
{
	s = "abc"; e = ""; n = NULL;
	printf("%d %d %d\n", s == "abc", s != "abc", s == "abd");
	printf("%d %d %d %d\n", s < "abd", s > "abb", s <= "abc", s >= "b");
	printf("%d %d %d\n", e < s, e == "", "\x80" > "a");
	this->z = "x"; this->z = 0;
	printf("%d %d [%s]\n", this->z == NULL, this->z == "", this->z);
	this->p = (char *)alloca(4);
	this->q = (char *)alloca(4);
	bcopy("abc", this->p, 4);
	bcopy("abc", this->q, 4);
	printf("%d %d\n", this->p == this->q, stringof(this->p) == stringof(this->q));
	printf("%d\n", s == stringof(this->p));
	printf("%s\n", s == "abc" ? "same" : "other");
	exit(0);
}

/* char * and string: which casts copy, which only point. */
BEGIN
{
	this->p = (char *)alloca(16);
	bcopy("hello", this->p, 6);
	this->s = stringof(this->p);
	this->p[0] = 'j';
	printf("%s %s\n", this->s, stringof(this->p));
	printf("%s %c\n", stringof(this->p + 1), *(this->p + 1));
	printf("%d\n", strlen(stringof(this->p)));
	x = (string)this->p;
	printf("%s\n", x);
	this->q = (long)this->p;
	printf("%s\n", stringof((char *)(this->q + 2)));
	exit(0);
}

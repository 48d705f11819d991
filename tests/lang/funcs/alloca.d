/* alloca() and bcopy(): scratch is writable, anything else is not. */
BEGIN
{
	this->p = (char *)alloca(8);
	this->p[0] = 'o';
	this->p[1] = 'k';
	this->p[2] = 0;
	printf("%s\n", stringof(this->p));
	this->q = (char *)alloca(8);
	bcopy(this->p, this->q, 3);
	this->q[0] = 'O';
	printf("%s %s\n", stringof(this->p), stringof(this->q));
	this->n = (int *)alloca(sizeof (int) * 4);
	this->n[3] = 7;
	this->n[0] = this->n[3] * 6;
	printf("%d %d %d\n", this->n[0], this->n[1], this->n[3]);
	printf("%d\n", ((uint64_t)this->p & 7) == 0);
}

BEGIN
{
	bcopy(this->p, (void *)16, 3);
	printf("not reached\n");
}

BEGIN
{
	this->bad = (int *)16;
	*this->bad = 5;
	printf("not reached\n");
}

BEGIN
{
	exit(0);
}

ERROR
{
	printf("fault %d at %x\n", arg4, arg5);
}

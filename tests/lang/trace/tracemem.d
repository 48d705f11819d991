/* tracemem(): a dump; the third argument limits what is shown. */
BEGIN
{
	this->p = (char *)alloca(20);
	bcopy("0123456789abcdef\001\177\300\n", this->p, 20);
	tracemem(this->p, 20);
	tracemem(this->p, 16);
	tracemem(this->p, 3);
	tracemem(this->p, 20, 5);
	tracemem(this->p, 20, 100);
	tracemem(this->p, 20, -1);
	tracemem(this->p, 20, 20);
	printf("[");
	tracemem(this->p, 20, 0);
	printf("]\n");
	exit(0);
}

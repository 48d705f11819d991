BEGIN
{
	self->s = speculation(); speculate(self->s); printf("x");
}

BEGIN
{
	commit(self->s);
}

BEGIN
{
	discard(self->s);
}

BEGIN
{
	if (pid) { commit(1); } else { trace(1); }
}

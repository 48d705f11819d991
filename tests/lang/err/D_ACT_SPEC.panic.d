BEGIN
{
	self->s = speculation();
	speculate(self->s);
	panic();
}

BEGIN
{
	trace(self->a[1, 2]);
}

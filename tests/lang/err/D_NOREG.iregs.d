/* @@ flags: -x iregs=4 */
BEGIN
{
	self->a = 1;
	x = self->a + (self->a * (self->a - (self->a + (self->a * self->a))));
}

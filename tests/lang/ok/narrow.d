int8_t small;
self uint16_t port;

BEGIN
{
	small = 300; small++; --small; small += 1; self->port = htons(80); trace(small); trace(self->port);
}

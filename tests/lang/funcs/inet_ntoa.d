/* inet_ntoa(): the address is in network order. */
uint32_t *a;

BEGIN
{
	a = alloca(sizeof (uint32_t));
	*a = htonl(0x7f000001);
	printf("%s\n", inet_ntoa(a));
	*a = htonl(0xc0a80afe);
	printf("%s\n", inet_ntoa(a));
	*a = 0;
	printf("%s\n", inet_ntoa(a));
	*a = 0xffffffff;
	printf("%s\n", inet_ntoa(a));
	exit(0);
}

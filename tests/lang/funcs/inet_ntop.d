/* inet_ntop() and inet_ntoa6(): the longest run of zeros is left out. */
BEGIN
{
	this->a = (uint8_t *)alloca(16);
	printf("%s %s\n", inet_ntop(AF_INET6, this->a), inet_ntoa6((struct in6_addr *)this->a));
	this->a[15] = 1;
	printf("%s\n", inet_ntop(AF_INET6, this->a));
	this->a[0] = 0xfe;
	this->a[1] = 0x80;
	printf("%s\n", inet_ntop(AF_INET6, this->a));
	this->a[6] = 0xa;
	printf("%s\n", inet_ntop(AF_INET6, this->a));
	this->a[8] = 0xbc;
	this->a[9] = 0x0d;
	printf("%s\n", inet_ntop(AF_INET6, this->a));
	this->a[14] = 0xff;
	printf("%s\n", inet_ntoa6((struct in6_addr *)this->a));
	exit(0);
}

END
{
	this->a = (uint8_t *)alloca(16);
	this->a[10] = 0xff;
	this->a[11] = 0xff;
	this->a[12] = 192;
	this->a[13] = 0;
	this->a[14] = 2;
	this->a[15] = 33;
	printf("%s %s\n", inet_ntop(AF_INET6, this->a), inet_ntoa6((struct in6_addr *)this->a));
	this->a[10] = 0;
	this->a[11] = 0;
	printf("%s %s\n", inet_ntop(AF_INET6, this->a), inet_ntoa6((struct in6_addr *)this->a));
	printf("%s\n", inet_ntop(AF_INET, this->a + 12));
	this->a[0] = 0x20; this->a[1] = 0x01; this->a[2] = 0x0d; this->a[3] = 0xb8;
	this->a[4] = 0; this->a[6] = 1; this->a[8] = 1; this->a[12] = 0; this->a[14] = 0; this->a[15] = 0;
	printf("%s\n", inet_ntop(AF_INET6, this->a));
}

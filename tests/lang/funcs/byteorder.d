/* ntohs() and relatives */
BEGIN
{
	printf("htons(0x1234) = %x\n", htons(0x1234));
	printf("ntohs(0x1234) = %x\n", ntohs(0x1234));
	printf("htons(0x51234) = %x\n", htons(0x51234));
	printf("htonl(0x12345678) = %x\n", htonl(0x12345678));
	printf("ntohl(0x12345678) = %x\n", ntohl(0x12345678));
	printf("htonll(0x123456789abcdef0) = %x\n", htonll(0x123456789abcdef0));
	printf("ntohll(0x123456789abcdef0) = %x\n", ntohll(0x123456789abcdef0));
	printf("htons(-2) = %x\n", htons(-2));
	printf("htonl(-2) = %x\n", htonl(-2));
	exit(0);
}

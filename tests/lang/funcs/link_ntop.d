/* link_ntop(): hardware addresses by their type. */
BEGIN
{
	this->m = (uint8_t *)alloca(20);
	this->m[0] = 0x00; this->m[1] = 0x1b; this->m[2] = 0x21; this->m[3] = 0x0f;
	this->m[4] = 0xab; this->m[5] = 0xff;
	printf("[%s]\n", link_ntop(ARPHRD_ETHER, this->m));
	printf("[%s]\n", link_ntop(ARPHRD_INFINIBAND, this->m));
	printf("[%s]\n", link_ntop(12345, this->m));
	exit(0);
}

/* lltostr(): base 10 is signed, 16 and 8 have their prefixes */
BEGIN
{
	printf("lltostr(0) = [%s]\n", lltostr(0));
	printf("lltostr(-1) = [%s]\n", lltostr(-1));
	printf("lltostr(1234567890123456789) = [%s]\n", lltostr(1234567890123456789));
	printf("lltostr(0x7fffffffffffffff) = [%s]\n", lltostr(0x7fffffffffffffff));
	printf("lltostr((int64_t)0x8000000000000000) = [%s]\n", lltostr((int64_t)0x8000000000000000));
	printf("lltostr(255, 10) = [%s]\n", lltostr(255, 10));
	printf("lltostr(255, 16) = [%s]\n", lltostr(255, 16));
	printf("lltostr(0, 16) = [%s]\n", lltostr(0, 16));
	printf("lltostr(-1, 16) = [%s]\n", lltostr(-1, 16));
	printf("lltostr(255, 8) = [%s]\n", lltostr(255, 8));
	printf("lltostr(0, 8) = [%s]\n", lltostr(0, 8));
	printf("lltostr(255, 2) = [%s]\n", lltostr(255, 2));
	printf("lltostr(0, 2) = [%s]\n", lltostr(0, 2));
	printf("lltostr(-1, 2) = [%s]\n", lltostr(-1, 2));
	printf("lltostr(35, 36) = [%s]\n", lltostr(35, 36));
	printf("lltostr(1295, 36) = [%s]\n", lltostr(1295, 36));
	printf("lltostr(-10, 10) = [%s]\n", lltostr(-10, 10));
	exit(0);
}

/* print(): type and value; integers in hexadecimal. */
enum color { RED, GREEN = 5 };
BEGIN
{
	print(1); print(0); print(-1); print((char)'a'); print((char)0); print((char)7); print((uint8_t)200);
	print((short)-2); print((long)5); print((uint64_t)-1); print((int64_t)-1); print(123456789012);
	print("text"); print(""); print(probename); print((void *)0x1234); print((int *)0);
	print(GREEN); print((enum color)3); print((enum color)0); print(pid == 0); print((pid_t)16);
	print((string)"a\"b\n");
	exit(0);
}

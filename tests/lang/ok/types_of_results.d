BEGIN
{
	trace((char)1 + (char)2); trace(1 ? 2 : 3L); trace(~0U); trace(-1 >> 1); trace(1 << 3L); trace((uint8_t)arg0 == 255); trace(!arg0); trace((char *)arg0 == NULL); trace((char *)arg0 - (char *)arg1); trace((int *)arg0 - (int *)arg1); trace(((int *)arg0)[3]); trace(*(uint16_t *)arg0); trace(&((int *)arg0)[2]);
}

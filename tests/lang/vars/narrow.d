/* A declared width holds on assignment. */
uint8_t u8; int8_t s8; uint16_t u16; int16_t s16; int32_t s32; char c; this int8_t t8; self uint16_t f16; uint8_t arr[int];
BEGIN
{
	u8 = 300; s8 = 200; u16 = 70000; s16 = 40000; s32 = 0x80000000; c = 255; this->t8 = 129; self->f16 = 65537; arr[0] = 256 + 7;
	printf("%d %d %d %d %d %d %d %d %d\n", u8, s8, u16, s16, s32, c, this->t8, self->f16, arr[0]);
	u8++; u8 += 250; s8--; printf("%d %d\n", u8, s8);
	exit(0);
}

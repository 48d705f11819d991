/* Narrow values: casts, declared variables, what is printed of them. */
int8_t i8;
uint8_t u8v;
int16_t i16;
uint16_t u16v;
int32_t i32;
uint32_t u32v;
int64_t i64;
uint64_t u64v;

BEGIN
{
	i8 = u8v = i16 = u16v = i32 = u32v = i64 = u64v = 0;
	i8--; u8v--; i16--; u16v--; i32--; u32v--; i64--; u64v--;
	printf("%d %d %d %d\n", i8, u8v, i16, u16v);
	printf("%d %d %d %d\n", i32, u32v, i64, u64v);
	printf("%u %u %u %u\n", i8, u8v, i16, u16v);
	printf("%x %x %x %x\n", i8, u8v, i32, i64);
	i8 = 200; u8v = 300; i16 = 40000; u32v = 0x100000005;
	printf("%d %d %d %d\n", i8, u8v, i16, u32v);
	i8 = 127; i8 += 1; u8v = 250; u8v += 10;
	printf("%d %d\n", i8, u8v);
	printf("%d %d %d\n", (char)300, (unsigned char)-1, (short)0x18000);
	printf("%d %d\n", (int)0x1ffffffff, (unsigned int)-1);
	i64 = i8; u64v = i8;
	printf("%d %x\n", i64, u64v);
	u64v = u8v;
	printf("%d\n", u64v);
	exit(0);
}

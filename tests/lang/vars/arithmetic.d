/* 64-bit registers, the type decides sign and width. */
BEGIN
{
	printf("%d %d %d %d\n", 7 / 2, -7 / 2, 7 % 3, -7 % 3);
	printf("%d %d %d\n", 1 << 4, -16 >> 2, (uint32_t)-16 >> 2);
	printf("%d %d %d\n", (char)300, (uint8_t)-1, (int)0x1ffffffff);
	printf("%d %d %d\n", 1 ? 2 : 3, !5, ~0);
	printf("%d %d %d\n", 1 && 0, 1 || 0, 1 ^^ 1);
	n = -1; printf("%d %d\n", n < 0, (unsigned)n > 0);
	m = (int64_t)0x8000000000000000; k = -1; printf("%d %d\n", m / k, m % k);
	printf("%d %u\n", (int64_t)0x7fffffffffffffff + 1, (uint64_t)0 - 1);
	x = 5; x += 2; x *= 3; x -= 1; x /= 2; x %= 7; x <<= 3; x |= 1; x ^= 2; x &= 0xff; printf("%d %d %d %d\n", x, x++, x--, ++x);
	exit(0);
}

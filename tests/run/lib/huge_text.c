/*
 * A text of 300 MiB, nearly all of it a hole in the file, with a function at its start, one
 * in its middle and one at its end, each called a thousand times.
 */
#include <stdio.h>

#define AT(place) __attribute__((noinline, section(".text.sorted." #place)))
#define GAP(place) \
	__asm__(".section .text.sorted." #place ",\"ax\",%nobits\n\t.skip 150 << 20\n\t.previous")

static volatile int factor = 3;

AT(1) int first(int a)
{
	return a * factor + factor;
}
GAP(2);
AT(3) int middle(int a)
{
	return a * factor + factor;
}
GAP(4);
AT(5) int last(int a)
{
	return a * factor + factor;
}

int main(void)
{
	int (*volatile functions[])(int) = { first, middle, last };
	int sum = 0;

	for (int i = 0; i < 1000; i++)
		for (int k = 0; k < 3; k++)
			sum += functions[k](i);
	printf("%d\n", sum);
	return 0;
}

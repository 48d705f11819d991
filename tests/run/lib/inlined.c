/* Inlined functions whose parameters an optimising compiler has no more, or has as constants. */
#include <stdio.h>

struct p {
	int x, y;
};

volatile int sink;

static inline __attribute__((always_inline)) int inner(struct p *p, int k)
{
	sink += k;
	return p->x * k;
}

static inline __attribute__((always_inline)) int around(struct p *p, int n)
{
	int r = 0;

	for (int i = 0; i < n; i++)
		r += inner(p, i + sink % 1);
	return r;
}

__attribute__((noinline)) int outer(struct p *p, int n)
{
	int a = around(p, n);

	sink += a;
	a += inner(p, 77);
	return a;
}

int main(int argc, char **argv)
{
	struct p p = { 3, 4 };

	(void)argv;
	for (int i = 0; i < 3; i++)
		sink += outer(&p, i + argc);
	printf("%d\n", sink);
	return 0;
}

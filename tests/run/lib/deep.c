/*
 * Stacks that must come out whole whatever the compiler did: recursion, a
 * callback through the C library, a call that never returns.
 */
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

struct node {
	int id;
};

volatile int sink;

NOINLINE int leaf(struct node *n, const char *s)
{
	__asm__ volatile("" : : "r"(n), "r"(s) : "memory");
	return sink += n->id + (int)strlen(s);
}

NOINLINE int mid(struct node *n, int depth)
{
	char buf[64] = "deep";

	buf[3] = (char)('a' + depth);
	if (depth > 0)
		return mid(n, depth - 1) + 1;
	return leaf(n, buf) + buf[0];
}

NOINLINE static int compare(const void *a, const void *b)
{
	struct node n = { *(const int *)a };

	return leaf(&n, "compare") - *(const int *)b;
}

__attribute__((noreturn)) NOINLINE static void die(int status)
{
	struct node n = { 99 };

	leaf(&n, "die");
	exit(status);
}

int main(int argc, char **argv)
{
	struct node n = { 42 };
	int pair[2] = { 2, 1 };

	(void)argv;
	mid(&n, 5);
	qsort(pair, 2, sizeof(pair[0]), compare);
	die(argc > 100);
}

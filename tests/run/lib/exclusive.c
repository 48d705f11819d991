/*
 * Threads that add to one counter atomically.  Without the large system extensions aarch64 does
 * that by loops of exclusive loads and stores, which never end if anything comes between the two.
 */
#include <pthread.h>
#include <stdio.h>

#define THREADS 4
#ifndef CALLS
#define CALLS 20000
#endif

static unsigned long n, largest;

__attribute__((noinline, noclone)) unsigned long count(unsigned long by)
{
	unsigned long now = __atomic_add_fetch(&n, by, __ATOMIC_SEQ_CST);
	unsigned long seen = __atomic_load_n(&largest, __ATOMIC_RELAXED);

	while (seen < now && !__atomic_compare_exchange_n(&largest, &seen, now, 0, __ATOMIC_ACQ_REL,
							  __ATOMIC_RELAXED))
		;
	return now;
}

static void *counts(void *arg)
{
	(void)arg;
	for (int i = 0; i < CALLS; i++)
		count(1);
	return NULL;
}

int main(void)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, counts, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("%s %s\n", n == THREADS * (unsigned long)CALLS ? "all" : "some",
	       largest == n ? "largest" : "not largest");
	return 0;
}

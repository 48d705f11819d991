/* System calls by the 32-bit convention in a 64-bit program. */
#include "../engine_rig.h"

static volatile long sink;

PROBED static long work(long x)
{
	sink += x;
	return x * 2 + 1;
}

#define NR_VFORK 190
#define NR_EXIT 1

/* Whose number means another call in the 64-bit table. */
static int compat_vfork(struct rig_shared *s)
{
	long a = NR_VFORK;

	work(1);
	__asm__ volatile("int $0x80" : "+a"(a) : : "memory", "r8", "r9", "r10", "r11");
	if (a < 0)
		return 77; /* no such convention in this kernel */
	if (!a) {
		work(2);
		__asm__ volatile("int $0x80" : : "a"((long)NR_EXIT), "b"(0L));
	}
	s->v[0] = work(3);
	return 0;
}

static void vfork_by_the_other_convention_shares_the_memory(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, compat_vfork);
	r.config.follow_forks = true;
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_go(&r);
	rig_run(&r);
	if (WIFEXITED(r.status) && WEXITSTATUS(r.status) == 77) {
		rig_close(&r);
		skip();
	}
	rig_assert_exit(&r, 0);
	assert_int_equal(r.hits, 3);
	assert_int_equal(r.shared->v[0], 7);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vfork_by_the_other_convention_shares_the_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

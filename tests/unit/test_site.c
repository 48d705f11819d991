/* Sites on live threads: exact counts, planting in bulk, churn, own traps. */
#include "engine_rig.h"

static volatile long sink;

PROBED static long work(long x)
{
	sink += x;
	return x * 2 + 1;
}

PROBED static long other(long x)
{
	return x - 1;
}

/* Moves anywhere: its bytes are copied to make code at run time. */
PROBED __attribute__((no_sanitize("undefined", "address"))) static void nothing(void)
{
}

PROBED __attribute__((no_sanitize("undefined", "address"))) static long nothing_else(void)
{
	return 5;
}

#define NOTHING_BYTES 32

static long call_work(long n)
{
	long sum = 0;

	for (long i = 0; i < n; i++)
		sum += work(i);
	return sum;
}

/* ------------------------------------------------------------- one thread -- */

static int calls_1000(struct rig_shared *s)
{
	s->v[0] = call_work(1000);
	return 3;
}

static void every_call_is_hit_and_does_its_work(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, calls_1000);
	rig_attach(&r);
	struct site *s = rig_plant(&r, rig_addr(work));

	assert_true(s->is_planted);
	assert_int_equal(site_count(r.p->as), 1);
	rig_go(&r);
	rig_run(&r);
	assert_int_equal(r.hits, 1000);
	assert_int_equal(r.shared->v[0], 1000 * 999 + 1000);
	rig_assert_exit(&r, 3);
	rig_close(&r);
}

static void reading_the_text_shows_the_original(void **state)
{
	const uint8_t *text = (const uint8_t *)(uintptr_t)(rig_addr(work) - 16);
	uint8_t before[64], after[64];
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, calls_1000);
	rig_attach(&r);
	assert_int_equal(as_read(r.p->as, rig_addr(work) - 16, before, 64), 64);
	rig_plant(&r, rig_addr(work));
	rig_plant(&r, rig_addr(other));
	assert_int_equal(as_read(r.p->as, rig_addr(work) - 16, after, 64), 64);
	assert_memory_equal(before, after, 64);
	assert_memory_equal(before, text, 64);
	/* Writing the same back keeps the patch. */
	assert_int_equal(as_write(r.p->as, rig_addr(work) - 16, before, 64), 64);
	rig_go(&r);
	rig_run(&r);
	assert_int_equal(r.hits, 1000);
	rig_close(&r);
}

static void remove_after_10(struct rig *r, struct task *t, struct site *s)
{
	if (r->hits == 10)
		site_remove(t->engine, s, r);
}

static void a_site_may_be_removed_in_its_own_hit(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	r.on_hit = remove_after_10;
	rig_spawn(&r, calls_1000);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_go(&r);
	rig_run(&r);
	assert_int_equal(r.hits, 10);
	assert_int_equal(r.shared->v[0], 1000 * 999 + 1000);
	rig_assert_exit(&r, 3);
	rig_close(&r);
}

/* Skips the function: the session may move the program counter. */
static void return_42(struct rig *r, struct task *t, struct site *s)
{
	struct arch_regs *regs = task_regs(t);
	uint64_t ret;

	(void)s;
	if (!arch_return_address(regs, &ret)) {
		uint64_t slot = ret;

		assert_int_equal(as_read(t->proc->as, slot, &ret, 8), 8);
		arch_set_sp(regs, arch_sp(regs) + 8);
	}
	arch_set_pc(regs, ret);
	arch_set_retval(regs, 42);
	task_regs_changed(t);
	r->shared->v[1]++;
}

static void changed_registers_are_honoured(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	r.on_hit = return_42;
	rig_spawn(&r, calls_1000);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_go(&r);
	rig_run(&r);
	assert_int_equal(r.shared->v[0], 42 * 1000);
	assert_int_equal(r.shared->v[1], 1000);
	rig_close(&r);
}

struct counter {
	unsigned n;
};

static void count_hook(void *arg, struct task *t, struct site *s)
{
	struct counter *c = arg;

	(void)t;
	c->n++;
	if (c->n == 5)
		site_remove(t->engine, s, c);
}

static void users_share_a_site_and_leave_one_by_one(void **state)
{
	struct counter a = { 0 };
	struct site_user user = { .hook = count_hook, .arg = &a };
	struct site *s1, *s2;
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, calls_1000);
	rig_attach(&r);
	rig_fail_on(site_add(r.e, r.p->as, rig_addr(work), NULL, 0, user, &s1));
	s2 = rig_plant(&r, rig_addr(work));
	assert_ptr_equal(s1, s2);
	rig_go(&r);
	rig_run(&r);
	assert_int_equal(a.n, 5);
	assert_int_equal(r.hits, 1000);
	rig_close(&r);
}

/* -------------------------------------------------------------- refusals -- */

static void code_that_differs_from_memory_is_refused(void **state)
{
	uint8_t code[16];
	struct site_user user = { .arg = &user };
	struct site *s;
	unsigned refused;
	const char *why;
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, calls_1000);
	rig_attach(&r);
	memcpy(code, (void *)(uintptr_t)other, sizeof(code));
	memset(code, 0x90, 4);
	rig_fail_on(site_add(r.e, r.p->as, rig_addr(work), code, sizeof(code), user, &s));
	rig_fail_on(site_plant(r.e, r.p->as, &refused, &why));
	assert_int_equal(refused, 1);
	assert_non_null(strstr(why, "memory"));
	assert_null(site_find(r.p->as, rig_addr(work)));
	rig_go(&r);
	rig_run(&r);
	assert_int_equal(r.hits, 0);
	rig_assert_exit(&r, 3);
	rig_close(&r);
}

static void a_breakpoint_of_the_programs_own_is_refused(void **state)
{
	struct site_user user = { .arg = &user };
	struct error *err;
	struct site *s;
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, calls_1000);
	rig_attach(&r);
	err = site_add(r.e, r.p->as, rig_addr(work), arch_bp, arch_bp_len, user, &s);
	assert_non_null(err);
	assert_non_null(strstr(err->message, "own"));
	error_destroy(err);
	rig_close(&r);
}

static void unmapped_addresses_are_refused(void **state)
{
	struct site_user user = { .arg = &user };
	struct error *err;
	struct site *s;
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, calls_1000);
	rig_attach(&r);
	err = site_add(r.e, r.p->as, 8, NULL, 0, user, &s);
	assert_non_null(err);
	error_destroy(err);
	err = site_add(r.e, r.p->as, UINT64_MAX - 3, NULL, 0, user, &s);
	assert_non_null(err);
	error_destroy(err);
	rig_close(&r);
}

/* ----------------------------------------------------------- own breakpoint -- */

static volatile int own_traps;
static sigjmp_buf own_return;

static void on_own_trap(int sig, siginfo_t *si, void *uc)
{
	(void)si;
	(void)uc;
	own_traps += sig == SIGTRAP;
	/* Not all processors report the place after the breakpoint. */
	siglongjmp(own_return, 1);
}

static int own_breakpoints(struct rig_shared *s)
{
	struct sigaction sa = { .sa_sigaction = on_own_trap, .sa_flags = SA_SIGINFO };

	sigaction(SIGTRAP, &sa, NULL);
	uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void (*trap)(void) = (void (*)(void))(uintptr_t)code;

	memcpy(code, arch_bp, arch_bp_len);
	memcpy(code + arch_bp_len, (void *)(uintptr_t)nothing, NOTHING_BYTES);
	__builtin___clear_cache((char *)code, (char *)code + 4096);
	for (volatile int i = 0; i < 10; i++) {
		if (!sigsetjmp(own_return, 1))
			trap();
		work(i);
	}
	s->v[0] = own_traps;
	return 0;
}

static void the_programs_own_breakpoints_reach_it(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, own_breakpoints);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_go(&r);
	rig_run(&r);
	assert_int_equal(r.shared->v[0], 10);
	assert_int_equal(r.signals, 10);
	assert_int_equal(r.hits, 10);
	rig_assert_exit(&r, 0);
	rig_close(&r);
}

/* ------------------------------------------------------------ many threads -- */

#define THREADS 8
static volatile int stop_hammer;
static _Atomic long hammered;

static void *hammer(void *arg)
{
	long n = 0;

	(void)arg;
	while (!stop_hammer) {
		for (int i = 0; i < 100; i++)
			n += work(i) == i * 2 + 1;
		if (!*(volatile int *)arg)
			break;
	}
	hammered += n;
	return NULL;
}

static int hammer_until_told(struct rig_shared *s)
{
	pthread_t t[THREADS];

	s->flag[1] = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, hammer, (void *)&s->flag[1]);
	s->flag[0] = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	return hammered % 100;
}

static void planting_and_removing_under_fire_kills_nobody(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, hammer_until_told);
	rig_attach(&r);
	rig_go(&r);
	rig_run_to(&r, 0);
	for (int i = 0; i < 2000 / SLOW; i++) {
		struct site *s = rig_plant(&r, rig_addr(work));

		rig_poll(&r, i % 3 ? 0 : 100000);
		site_remove(r.e, s, &r);
		rig_poll(&r, 0);
		assert_int_equal(site_count(r.p->as), 0);
	}
	assert_true(r.hits > 100 / SLOW);
	/* The one out-of-line copy served all plantings. */
	assert_true(engine_stats(r.e)->slots <= 1);
	r.shared->flag[1] = 0;
	rig_run(&r);
	rig_assert_exit(&r, 0);
	rig_close(&r);
}

#define EXACT_THREADS 32
#define EXACT_CALLS (3000 / SLOW / SLOW)

static void *call_exactly(void *arg)
{
	*(long *)arg = call_work(EXACT_CALLS);
	return NULL;
}

static int exact_threads(struct rig_shared *s)
{
	pthread_t t[EXACT_THREADS];
	long sums[EXACT_THREADS];

	for (int i = 0; i < EXACT_THREADS; i++)
		pthread_create(&t[i], NULL, call_exactly, &sums[i]);
	for (int i = 0; i < EXACT_THREADS; i++) {
		pthread_join(t[i], NULL);
		s->v[0] += sums[i];
	}
	return 0;
}

static void threads_at_one_site_are_counted_exactly(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	rig_spawn(&r, exact_threads);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_go(&r);
	rig_run(&r);
	assert_int_equal(r.hits, EXACT_THREADS * EXACT_CALLS);
	assert_int_equal(r.shared->v[0], (long)EXACT_THREADS * EXACT_CALLS * EXACT_CALLS);
	assert_int_equal(r.threads, EXACT_THREADS);
	assert_int_equal(r.thread_exits, EXACT_THREADS + 1);
	rig_assert_exit(&r, 0);
	rig_close(&r);
}

/* ---------------------------------------------------------------- in bulk -- */

/* A page-crossing field of functions "ret", made by hand in the child. */
#define FIELD (6000 / SLOW)
#define FIELD_ADDR UINT64_C(0x10200000)
#define STRIDE NOTHING_BYTES

static int call_field(struct rig_shared *s)
{
	for (int i = 0; i < FIELD; i++)
		((void (*)(void))(FIELD_ADDR + (uint64_t)i * STRIDE))();
	s->v[0] = FIELD;
	return 0;
}

static void thousands_of_sites_are_planted_at_once(void **state)
{
	struct site_user user = { .arg = &user };
	struct site *s;
	unsigned refused;
	const char *why;
	struct rig r;
	uint8_t *field =
		mmap((void *)FIELD_ADDR, FIELD * STRIDE, PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	(void)state;
	assert_ptr_equal(field, (void *)FIELD_ADDR);
	for (int i = 0; i < FIELD; i++)
		memcpy(field + i * STRIDE, (void *)(uintptr_t)nothing, NOTHING_BYTES);
	rig_open(&r);
	rig_spawn(&r, call_field);
	rig_attach(&r);
	uint64_t start = rig_now();

	for (int i = FIELD; i-- > 0;)
		rig_fail_on(site_add(r.e, r.p->as, FIELD_ADDR + (uint64_t)i * STRIDE,
				     field + i * STRIDE, STRIDE, user, &s));
	rig_fail_on(site_plant(r.e, r.p->as, &refused, &why));
	print_message("planted %d sites in %.1f ms\n", FIELD, (double)(rig_now() - start) / 1e6);
	assert_int_equal(refused, 0);
	assert_int_equal(site_count(r.p->as), FIELD);
	rig_go(&r);
	rig_run(&r);
	assert_int_equal(r.hits, FIELD);
	assert_int_equal(r.shared->v[0], FIELD);
	rig_assert_exit(&r, 0);
	rig_close(&r);
	munmap(field, FIELD * STRIDE);
}

/* ---------------------------------------------------------- code that goes -- */

#define PLUG_ADDR UINT64_C(0x10800000)

static int load_and_unload(struct rig_shared *s)
{
	for (int i = 0; i < 50; i++) {
		uint8_t *p = mmap((void *)PLUG_ADDR, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		/* Different code at the same address in odd and even rounds. */
		memcpy(p, i % 2 ? (void *)(uintptr_t)nothing : (void *)(uintptr_t)nothing_else,
		       NOTHING_BYTES);
		s->v[0] = i;
		work(i); /* "loaded" */
		((void (*)(void))PLUG_ADDR)();
		work(-1); /* "about to be unloaded" */
		munmap(p, 4096);
	}
	return 0;
}

static struct counter plug_hits;

static void count_plug(void *arg, struct task *t, struct site *s)
{
	(void)t;
	(void)s;
	((struct counter *)arg)->n++;
}

static void plug_and_unplug(struct rig *r, struct task *t, struct site *s)
{
	struct site_user user = { .hook = count_plug, .arg = &plug_hits };
	unsigned refused = 0;
	struct site *plug;

	(void)s;
	if (r->hits % 2) {
		rig_fail_on(site_add(r->e, t->proc->as, PLUG_ADDR, NULL, 0, user, &plug));
		rig_fail_on(site_plant(r->e, t->proc->as, &refused, NULL));
		assert_int_equal(refused, 0);
	} else {
		site_forget_range(r->e, t->proc->as, PLUG_ADDR, PLUG_ADDR + 4096);
		assert_null(site_find(t->proc->as, PLUG_ADDR));
	}
}

static void code_reloaded_at_the_same_address_is_planted_anew(void **state)
{
	struct rig r;

	(void)state;
	plug_hits.n = 0;
	rig_open(&r);
	r.on_hit = plug_and_unplug;
	rig_spawn(&r, load_and_unload);
	rig_attach(&r);
	rig_plant(&r, rig_addr(work));
	rig_go(&r);
	rig_run(&r);
	assert_int_equal(plug_hits.n, 50);
	assert_int_equal(r.hits, 100);
	rig_assert_exit(&r, 0);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_is_hit_and_does_its_work),
		cmocka_unit_test(reading_the_text_shows_the_original),
		cmocka_unit_test(a_site_may_be_removed_in_its_own_hit),
		cmocka_unit_test(changed_registers_are_honoured),
		cmocka_unit_test(users_share_a_site_and_leave_one_by_one),
		cmocka_unit_test(code_that_differs_from_memory_is_refused),
		cmocka_unit_test(a_breakpoint_of_the_programs_own_is_refused),
		cmocka_unit_test(unmapped_addresses_are_refused),
		cmocka_unit_test(the_programs_own_breakpoints_reach_it),
		cmocka_unit_test(planting_and_removing_under_fire_kills_nobody),
		cmocka_unit_test(threads_at_one_site_are_counted_exactly),
		cmocka_unit_test(thousands_of_sites_are_planted_at_once),
		cmocka_unit_test(code_reloaded_at_the_same_address_is_planted_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

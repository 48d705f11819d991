/*
 * What trampolines do that no processor changes: which records a firing leaves,
 * what happens when the ring is full or is not there, which jobs are refused.
 * Included by CPU/test_tramp.c behind its functions, of which f_frame is patched here.
 */
#ifndef TESTS_TRAMP_CASES_H
#define TESTS_TRAMP_CASES_H

#include <signal.h>
#include <sys/time.h>

/* An empty ring, and the function to be patched at its first instruction. */
static void plan_frame(void)
{
	ring_reset();
	put(f_frame, f_frame_end);
	must_plan(0);
}

/* -------------------------------------------------------------- clauses -- */

static void test_the_first_record_of_a_firing_says_so_and_each_has_its_time(void **state)
{
	struct arch_tramp_clause c[3];
	struct cpu cpu;
	struct dl_record *rec;
	uint64_t time, at;

	(void)state;
	plan_frame();
	c[0] = clause_of(&only_if, 1);
	c[1] = clause_of(&two_args, 2);
	c[2] = clause_of(&loads, 3);
	consts[0] = consts[1] = u64(rig.data);
	patch_with(c, 3);
	for (unsigned taken = 0; taken < 2; taken++) {
		random_cpu(&cpu);
		consts[3] = 99;
		set_argument_0(&cpu, taken ? 99 : 98);
		func_restore();
		patch_with(c, 3);
		func_run(&cpu, rig.func.addr);
		at = rig.ring->tail;
		time = 0;
		for (unsigned i = 0; i < 2 + taken; i++) {
			rec = arch_ring_at(rig.ring, rig.ring_data, at);
			assert_non_null(rec);
			assert_int_equal(rec->flags, i == 0 ? DL_REC_FIRST : 0);
			assert_true(rec->time >= time);
			time = rec->time;
			at += rec->len;
		}
		assert_int_equal(count_records(), 2 + taken);
	}
	func_restore();
}

static void test_firings_at_one_site_each_have_a_first_record(void **state)
{
	struct arch_tramp_clause c[2] = { clause_of(&bare, 0), clause_of(&bare, 0) };
	struct arch_tramp_firing f[3];
	static const uint32_t flags[5] = { 1, 0, 1, 1, 0 };
	struct cpu cpu;
	uint64_t at;

	(void)state;
	plan_frame();
	f[0] = f[2] = firing_of(c, 2);
	f[1] = firing_of(c, 1);
	assert_null(func_patch(f, 3));
	random_cpu(&cpu);
	func_run(&cpu, rig.func.addr);
	at = 0;
	for (unsigned i = 0; i < 5; i++) {
		const struct dl_record *rec = arch_ring_at(rig.ring, rig.ring_data, at);

		assert_non_null(rec);
		assert_int_equal(rec->flags, flags[i]);
		at += rec->len;
	}
	assert_int_equal(count_records(), 5);
	func_restore();
}

/* ------------------------------------------------------------ full ring -- */

static void test_a_full_ring_waits_for_the_tracer(void **state)
{
	struct arch_tramp_clause c = clause_of(&two_args, 2);
	struct cpu cpu;

	(void)state;
	plan_frame();
	patch_with(&c, 1);
	random_cpu(&cpu);
	for (unsigned i = 0; i < 3 * RING_SIZE / 48; i++) {
		struct cpu now = cpu;

		func_run(&now, rig.func.addr);
	}
	assert_int_equal(rig.ring->head, 3 * RING_SIZE / 48 * 48);
	assert_true(rig.n_traps >= 2);
	assert_int_equal(rig.ring->drops, 0);
	count_records();
	func_restore();
}

static void on_alarm(int sig)
{
	(void)sig;
	rig.ring->limit += 96;
}

static void test_a_thread_that_may_outlive_the_tracer_sleeps_until_there_is_room(void **state)
{
	struct itimerval soon = { { 0, 2000 }, { 0, 2000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct arch_tramp_clause c = clause_of(&two_args, 2);
	struct sigaction sa = { .sa_handler = on_alarm }, old;
	struct cpu cpu;

	(void)state;
	plan_frame();
	*RIG_CONTROL = ARCH_CONTROL_SLEEP;
	rig.ring->limit = 100;
	patch_with(&c, 1);
	sigaction(SIGALRM, &sa, &old);
	setitimer(ITIMER_REAL, &soon, NULL);
	for (unsigned i = 0; i < 9; i++) {
		random_cpu(&cpu);
		func_run(&cpu, rig.func.addr);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	assert_int_equal(rig.ring->head, 9 * 48);
	assert_int_equal(rig.ring->drops, 0);
	assert_int_equal(rig.n_traps, 0);
	func_restore();
}

static void test_a_full_ring_drops_and_counts_when_nobody_waits(void **state)
{
	struct arch_tramp_clause c = clause_of(&two_args, 2);
	struct cpu cpu;

	(void)state;
	plan_frame();
	*RIG_CONTROL = ARCH_CONTROL_DROP;
	rig.ring->limit = 100;
	patch_with(&c, 1);
	for (unsigned i = 0; i < 5; i++) {
		random_cpu(&cpu);
		func_run(&cpu, rig.func.addr);
	}
	assert_int_equal(rig.ring->head, 96);
	assert_int_equal(rig.ring->drops, 3);
	assert_int_equal(rig.n_traps, 0);
	count_records();
	func_restore();
}

static void test_a_thread_without_a_ring_gets_one_at_its_first_record(void **state)
{
	struct arch_agg count = { .kind = ARCH_AGG_COUNT, .cell = ARCH_RING_CELLS };
	struct arch_tramp_clause c[2] = { clause_of(&two_args, 2), clause_of(&bare, 0) };
	struct cpu cpu;

	(void)state;
	for (unsigned which = 0; which < 2; which++) {
		plan_frame();
		c[1].agg = &count;
		patch_with(&c[which], 1);
		use_ring(rig.null_ring);
		rig.on_trap = TRAP_GIVE_RING;
		for (unsigned i = 0; i < 2; i++) {
			random_cpu(&cpu);
			func_run(&cpu, rig.func.addr);
		}
		assert_int_equal(rig.n_traps, 1);
		assert_int_equal(rig.null_ring->head, 0);
		if (which == 0)
			assert_int_equal(count_records(), 2);
		else
			assert_int_equal(((uint64_t *)(void *)rig.ring)[ARCH_RING_CELLS / 8], 2);
		func_restore();
	}
	/* The tracer goes away meanwhile. */
	ring_reset();
	patch_with(c, 2);
	use_ring(rig.null_ring);
	rig.on_trap = TRAP_DROP;
	random_cpu(&cpu);
	func_run(&cpu, rig.func.addr);
	assert_int_equal(rig.n_traps, 1);
	assert_int_equal(rig.null_ring->drops, 2);
	func_restore();
}

/* ---------------------------------------------------------------- refuse -- */

static void test_jobs_that_make_no_sense_are_refused_with_a_reason(void **state)
{
	struct arch_tramp_clause c = clause_of(&two_args, 2);
	struct arch_agg agg = { .kind = ARCH_AGG_SUM, .cell = ARCH_RING_CELLS };
	struct arch_tramp_firing f;

	(void)state;
	plan_frame();
	f = firing_of(&c, 1);
	f.insn = 12;
	assert_non_null(func_patch(&f, 1));
	f = firing_of(&c, 1);
	c.cap = 40;
	assert_non_null(func_patch(&f, 1));
	c = clause_of(&two_args, 2);
	c.agg = &agg;
	assert_non_null(func_patch(&f, 1));
	agg.code = &two_args;
	assert_non_null(func_patch(&f, 1));
	agg.code = &value_arg;
	agg.cell = 8;
	assert_non_null(func_patch(&f, 1));
	assert_false(rig.is_patched);
}

#endif

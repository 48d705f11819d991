/*
 * The tests of cells (CPU/test_cells.c).  Of the processor: arg0_of(), a
 * register's place; see_flags(), what the function under test does to them;
 * put_frame(), some function to patch.
 */
#ifndef TESTS_CELLS_H
#define TESTS_CELLS_H

/* What dl_agg_update() would make of the values. */
static void expect_cell(const struct arch_agg *a, int64_t *w, int64_t v)
{
	w[0]++;
	switch (a->kind) {
	case ARCH_AGG_COUNT: break;
	case ARCH_AGG_SUM:
	case ARCH_AGG_AVG: w[1] = (int64_t)((uint64_t)w[1] + (uint64_t)v); break;
	case ARCH_AGG_MIN: w[1] = v < w[1] ? v : w[1]; break;
	case ARCH_AGG_MAX: w[1] = v > w[1] ? v : w[1]; break;
	case ARCH_AGG_QUANTIZE: w[1 + dl_quantize_bucket(v)] += a->increment; break;
	case ARCH_AGG_LQUANTIZE: w[1 + dl_lquantize_bucket(a->param, v)] += a->increment; break;
	}
}

static int64_t cell_value(unsigned i)
{
	static const int64_t corners[] = {
		0,   1,	   -1,	 2,    -2,   INT64_MIN, INT64_MAX,  INT64_MIN + 1, 100,		 99,
		101, -100, -101, 1099, 1100, 1101,	0x80000000, 0x7fffffff,	   -0x80000000ll
	};
	unsigned shift = (unsigned)(random_next() & 63);

	if (i < sizeof(corners) / sizeof(corners[0]))
		return corners[i];
	return (int64_t)random_next() >> shift;
}

static void run_cell(struct arch_agg *a, const struct dl_code *value)
{
	struct arch_tramp_clause c = clause_of(&two_args, 2);
	static int64_t want[256];
	int64_t *cell = (int64_t *)(void *)((uint8_t *)rig.ring + a->cell);
	uint32_t words = arch_agg_words(a->kind, a->param);

	assert_true(words <= 256);
	ring_reset();
	a->code = value;
	a->value_reg = 3;
	c.agg = a;
	memset(want, 0, sizeof(want));
	if (a->kind == ARCH_AGG_MIN || a->kind == ARCH_AGG_MAX)
		want[1] = cell[1] = a->kind == ARCH_AGG_MIN ? INT64_MAX : INT64_MIN;
	patch_with(&c, 1);
	for (unsigned i = 0; i < 300; i++) {
		struct cpu cpu, same;

		random_cpu(&cpu);
		*arg0_of(&cpu) = (uint64_t)cell_value(i);
		same = cpu;
		func_run(&cpu, rig.func.addr);
		see_flags(&same);
		assert_same_cpu(&same, &cpu);
		expect_cell(a, want, (int64_t)*arg0_of(&same));
	}
	assert_memory_equal(cell, want, 8 * words);
	assert_int_equal(cell[words], 0);
	assert_ring_empty();
	func_restore();
}

static void run_all_cells(void)
{
	struct arch_agg a = { .cell = ARCH_RING_CELLS + 64, .increment = 1 };

	a.kind = ARCH_AGG_COUNT;
	run_cell(&a, NULL);
	run_cell(&a, &value_arg);
	for (a.kind = ARCH_AGG_SUM; a.kind <= ARCH_AGG_QUANTIZE; a.kind++)
		run_cell(&a, &value_arg);
	a.kind = ARCH_AGG_LQUANTIZE;
	a.param = 10ull << 48 | 100ull << 32 | (uint32_t)100;
	run_cell(&a, &value_arg);
	a.param = 1ull << 48 | 50ull << 32 | (uint32_t)-20;
	run_cell(&a, &value_arg);
	a.param = 0ull << 48 | 3ull << 32 | (uint32_t)INT32_MIN;
	a.increment = 0x123456789a;
	run_cell(&a, &value_arg);
	a.increment = -7;
	a.param = 65535ull << 48 | 200ull << 32 | (uint32_t)INT32_MIN;
	run_cell(&a, &value_arg);
}

static void test_a_value_that_faults_leaves_a_record_instead(void **state)
{
	struct arch_agg sum = {
		.kind = ARCH_AGG_SUM, .cell = ARCH_RING_CELLS, .code = &value_load, .value_reg = 3
	};
	struct arch_tramp_clause c = clause_of(&loads, 3);
	int64_t *cell = (int64_t *)(void *)((uint8_t *)rig.ring + sum.cell);
	struct arch_tramp_firing f;
	struct cpu cpu;
	size_t len;

	(void)state;
	ring_reset();
	random_memory();
	put_frame();
	must_plan(0);
	c.agg = &sum;
	f = firing_of(&c, 1);
	for (unsigned bad = 0; bad < 2; bad++) {
		consts[0] = bad ? 8 : u64(rig.data);
		consts[1] = consts[2] = u64(rig.data);
		assert_null(func_patch(&f, 1));
		random_cpu(&cpu);
		len = expect_record(&cpu, &f, &c, DL_REC_FIRST);
		func_run(&cpu, rig.func.addr);
		if (bad)
			assert_record(len);
		assert_ring_empty();
		assert_int_equal(cell[0], 1);
		func_restore();
	}
}

#endif

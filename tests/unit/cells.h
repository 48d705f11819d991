/*
 * The tests of cells (CPU/test_cells.c).  Of the processor: arg_to(), sets
 * an argument's register; see_flags(), what the function under test does to them;
 * put_plain(), a function that does nothing.
 */
#ifndef TESTS_CELLS_H
#define TESTS_CELLS_H

static uint64_t ll_param;

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
	case ARCH_AGG_STDDEV: {
		unsigned __int128 sum = (unsigned __int128)(uint64_t)w[3] << 64 | (uint64_t)w[2];

		sum += (unsigned __int128)((__int128)v * v);
		w[2] = (int64_t)(uint64_t)sum;
		w[3] = (int64_t)(uint64_t)(sum >> 64);
		w[1] = (int64_t)((uint64_t)w[1] + (uint64_t)v);
		break;
	}
	case ARCH_AGG_LLQUANTIZE: w[1 + dl_llquantize_bucket(ll_param, v)] += a->increment; break;
	case ARCH_AGG_LQUANTIZE: w[1 + dl_lquantize_bucket(a->param, v)] += a->increment; break;
	}
}

static int64_t cell_value_last;

static int64_t cell_value(unsigned i)
{
	static const int64_t corners[] = {
		0,   1,	   -1,	 2,    -2,   INT64_MIN, INT64_MAX,  INT64_MIN + 1, 100,		 99,
		101, -100, -101, 1099, 1100, 1101,	0x80000000, 0x7fffffff,	   -0x80000000ll
	};
	unsigned shift = (unsigned)(random_next() & 63);

	if (i < sizeof(corners) / sizeof(corners[0]))
		return cell_value_last = corners[i];
	return cell_value_last = (int64_t)random_next() >> shift;
}

static void run_cell(struct arch_agg *a, const struct dl_code *value)
{
	struct arch_tramp_clause c = clause_of(&two_args, 2);
	static int64_t want[800];
	int64_t *cell = (int64_t *)(void *)((uint8_t *)rig.ring + a->cell);
	uint32_t words = arch_agg_words(a->kind, a->param);

	assert_true(words <= 800);
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
		arg_to(&cpu, 0, (uint64_t)cell_value(i));
		same = cpu;
		func_run(&cpu, rig.func.addr);
		see_flags(&same);
		assert_same_cpu(&same, &cpu);
		expect_cell(a, want, cell_value_last);
	}
	assert_memory_equal(cell, want, 8 * words);
	assert_int_equal(cell[words], 0);
	assert_ring_empty();
	func_restore();
}

/* factor, low, high, steps */
static const uint64_t ll_params[] = {
	10ull << 48 | 0ull << 32 | 6ull << 16 | 20,   2ull << 48 | 0ull << 32 | 9ull << 16 | 2,
	10ull << 48 | 3ull << 32 | 18ull << 16 | 10,  10ull << 48 | 0ull << 32 | 3ull << 16 | 100,
	1000ull << 48 | 1ull << 32 | 5ull << 16 | 10,
};

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
	a.increment = 1;
	a.kind = ARCH_AGG_STDDEV;
	run_cell(&a, &value_arg);
	for (unsigned k = 0; k < sizeof(ll_params) / sizeof(ll_params[0]); k++) {
		struct dl_llquantize_range list[ARCH_RANGES_MAX];
		struct arch_agg_range ranges[ARCH_RANGES_MAX];

		ll_param = ll_params[k];
		a.kind = ARCH_AGG_LLQUANTIZE;
		a.param = dl_agg_words(DL_AGG_LLQUANTIZE, ll_param);
		a.n_ranges = dl_llquantize_ranges(ll_param, list, ARCH_RANGES_MAX);
		assert_int_not_equal(a.n_ranges, 0);
		for (uint32_t i = 0; i < a.n_ranges; i++)
			ranges[i] = (struct arch_agg_range){ list[i].lower, list[i].width,
							     list[i].first };
		a.ranges = ranges;
		run_cell(&a, &value_arg);
	}
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
	put_plain();
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

/* ------------------------------------------------------- words and the clock -- */

#define WORDS_AT (ARCH_RING_CELLS + 8)
#define SUM_AT (ARCH_RING_CELLS + 64)
#define POWER_AT (SUM_AT + 16)

static const uint32_t word_at[] = { WORDS_AT, WORDS_AT + 8, WORDS_AT + 16 };
static const struct arch_agg act_cells[] = {
	{ .kind = ARCH_AGG_SUM, .cell = SUM_AT, .increment = 1 },
	{ .kind = ARCH_AGG_QUANTIZE, .cell = POWER_AT, .increment = 3 },
};

static uint64_t *ring_word(uint32_t at)
{
	return (uint64_t *)(void *)rig.ring + at / 8;
}

/* Only if word 0 is not zero: word 1 = word 0 + argument, sums and quotients of it. */
CODE(acts, I(NSELF, 0, 0, 0, 0), I(JNZ, 0, 0, 0, 1), I(NREC, 0, 0, 0, 0), I(NARG, 3, 0, 0, 0),
     I(ADD, 0, 0, 3, 0), I(NSELFS, 0, 0, 0, 1), I(NDIVS, 1, 3, 0, 1000), I(NAGG, 1, 0, 0, 0),
     I(NDIVU, 3, 3, 0, 7), I(NAGG, 3, 0, 0, 1), I(NTIME, 4, 0, 0, 0), I(NSELFS, 4, 0, 0, 2),
     I(END, 0, 0, 0, 0));
/* The same word beside a record: slots 0 argument, 1 word 0; word 1 = slot 0 + 5. */
CODE(act_record, I(NARG, 0, 0, 0, 0), I(NSLOT, 0, 0, 0, 0), I(NSELF, 1, 0, 0, 0),
     I(NSLOT, 1, 0, 0, 1), I(NIN, 2, 0, 0, 0), I(ADDI, 2, 2, 0, 5), I(NSELFS, 2, 0, 0, 1),
     I(END, 0, 0, 0, 0));

/* Half a nanosecond a tick, from now on. */
static uint64_t start_clock(bool second)
{
	struct arch_clock *c = second ? &rig.ring->clock1 : &rig.ring->clock0;

	*c = (struct arch_clock){ .raw = arch_counter(), .ns = 1000000, .mult = 1u << 31 };
	rig.ring->clock_use = 0x4200 | (second ? ARCH_CLOCK_STRIDE : 0);
	return c->raw;
}

static uint64_t clock_at(uint64_t raw)
{
	return 1000000 + (arch_counter() - raw) / 2;
}

static void run_acts(uint64_t arg, uint64_t in)
{
	uint64_t started = start_clock(arg & 1), before, sum = *ring_word(SUM_AT + 8);
	int64_t bucket = dl_quantize_bucket((int64_t)(arg / 7));
	uint64_t power = *ring_word(POWER_AT + 8 + 8 * (uint32_t)bucket);
	struct cpu cpu, same;

	random_cpu(&cpu);
	arg_to(&cpu, 0, arg);
	same = cpu;
	*ring_word(word_at[0]) = in;
	*ring_word(word_at[1]) = *ring_word(word_at[2]) = 42;
	before = clock_at(started);
	func_run(&cpu, rig.func.addr);
	see_flags(&same);
	assert_same_cpu(&same, &cpu);
	assert_int_equal(*ring_word(word_at[0]), in);
	if (!in) {
		assert_int_equal(*ring_word(word_at[1]), 42);
		assert_int_equal(*ring_word(SUM_AT + 8), sum);
		return;
	}
	assert_int_equal(*ring_word(word_at[1]), in + arg);
	assert_int_equal(*ring_word(SUM_AT + 8), sum + (uint64_t)((int64_t)arg / 1000));
	assert_int_equal(*ring_word(POWER_AT + 8 + 8 * (uint32_t)bucket), power + 3);
	assert_true(*ring_word(word_at[2]) >= before);
	assert_true(*ring_word(word_at[2]) <= clock_at(started));
}

static void test_words_and_cells_of_a_clause_without_record(void **state)
{
	struct arch_tramp_clause c = clause_of(&acts, 0);

	(void)state;
	ring_reset();
	put_plain();
	must_plan(0);
	c.words = word_at;
	c.n_words = 3;
	c.aggs = act_cells;
	c.n_aggs = 2;
	c.is_bare = true;
	patch_with(&c, 1);
	for (unsigned i = 0; i < 300; i++)
		run_acts((uint64_t)cell_value(i), i % 4 ? random_next() | 1 : 0);
	assert_int_equal(*ring_word(SUM_AT), 225);
	assert_int_equal(*ring_word(POWER_AT), 225);
	assert_ring_empty();
	func_restore();
	/* What is not there, or would fault, is refused. */
	c.n_words = 2;
	assert_non_null(
		func_patch(&(struct arch_tramp_firing){ .clauses = &c, .n_clauses = 1 }, 1));
	c.n_words = 3;
	c.n_aggs = 1;
	assert_non_null(
		func_patch(&(struct arch_tramp_firing){ .clauses = &c, .n_clauses = 1 }, 1));
	c.code = &value_load;
	assert_non_null(
		func_patch(&(struct arch_tramp_firing){ .clauses = &c, .n_clauses = 1 }, 1));
}

static void test_words_beside_a_record(void **state)
{
	struct arch_tramp_clause c = clause_of(&act_record, 2);
	const struct dl_record *rec;
	struct cpu cpu;

	(void)state;
	ring_reset();
	put_plain();
	must_plan(0);
	c.words = word_at;
	c.n_words = 2;
	patch_with(&c, 1);
	random_cpu(&cpu);
	arg_to(&cpu, 0, 77);
	*ring_word(word_at[0]) = 9;
	func_run(&cpu, rig.func.addr);
	rec = arch_ring_at(rig.ring, rig.ring_data, rig.ring->tail);
	assert_non_null(rec);
	assert_int_equal(rec->n_slots, 2);
	assert_int_equal(rec->slots[0], 77);
	assert_int_equal(rec->slots[1], 9);
	assert_int_equal(*ring_word(word_at[1]), 82);
	assert_int_equal(count_records(), 1);
	func_restore();
}

/* --------------------------------------------------------------------- keys -- */

#define KEY_BITS 4u

CODE(key_and_value, I(NARG, 5, 0, 0, 0), I(NARG, 4, 0, 0, 1), I(END, 0, 0, 0, 0));

/* The table's entry of the key: its words behind the key; NULL: there is none. */
static const int64_t *find_key(const struct arch_agg *a, uint64_t key)
{
	const uint64_t *table = ring_word(a->cell);
	uint32_t words = arch_agg_entry(a->kind), first, at;

	first = (uint32_t)(key * ARCH_KEY_FACTOR >> (64 - a->key_bits));
	for (at = first; at < first + ARCH_KEY_WINDOW; at++)
		if (table[at * words] == key + 1 && key != UINT64_MAX)
			return (const int64_t *)&table[at * words + 1];
	return NULL;
}

static void run_keys(struct arch_agg *a, uint64_t n_keys)
{
	static int64_t want[64][2];
	struct arch_tramp_clause c = clause_of(&two_args, 2);
	unsigned n_left = 0, n_records;

	ring_reset();
	memset(want, 0, sizeof(want));
	for (uint32_t k = 0; k < arch_agg_room(a); k += arch_agg_entry(a->kind))
		if (a->kind == ARCH_AGG_MIN || a->kind == ARCH_AGG_MAX)
			*ring_word(a->cell + 8 * k + 16) =
				a->kind == ARCH_AGG_MIN ? INT64_MAX : (uint64_t)INT64_MIN;
	for (unsigned k = 0; k < 64; k++)
		want[k][1] = a->kind == ARCH_AGG_MIN ? INT64_MAX :
			     a->kind == ARCH_AGG_MAX ? INT64_MIN :
						       0;
	c.agg = a;
	patch_with(&c, 1);
	for (unsigned i = 0; i < 600; i++) {
		uint64_t k = random_next() % n_keys, key = k ? k * 0x123456789 - 5 : UINT64_MAX;
		struct cpu cpu, same;
		const int64_t *cell;

		random_cpu(&cpu);
		arg_to(&cpu, 0, key);
		arg_to(&cpu, 1, (uint64_t)cell_value(i));
		same = cpu;
		func_run(&cpu, rig.func.addr);
		see_flags(&same);
		assert_same_cpu(&same, &cpu);
		cell = find_key(a, key);
		if (!cell) {
			n_left++;
			continue;
		}
		expect_cell(a, want[k], cell_value_last);
		assert_memory_equal(cell, want[k], 8 * arch_agg_words(a->kind, 0));
	}
	n_records = count_records();
	assert_int_equal(n_records, n_left);
	assert_true(n_keys < 8 ? n_left > 0 && n_left < 600 / 2 : n_left > 0);
	func_restore();
}

/* As many as find a place; the others, and the key that can't be told from none, leave records. */
static void test_keys_have_cells_until_there_is_no_room(void **state)
{
	struct arch_agg a = { .cell = ARCH_RING_CELLS + 64,
			      .increment = 1,
			      .code = &key_and_value,
			      .value_reg = 4,
			      .key_reg = 5,
			      .key_bits = KEY_BITS };

	(void)state;
	put_plain();
	must_plan(0);
	for (a.kind = ARCH_AGG_COUNT; a.kind <= ARCH_AGG_MAX; a.kind++) {
		run_keys(&a, 6);
		run_keys(&a, 64);
	}
}

#endif

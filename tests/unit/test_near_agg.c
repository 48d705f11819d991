/* Which clauses have cells, and what their programs are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "dlang/near_agg.h"

#define I(name, ra, rb, rc, k)              \
	{                                   \
		DL_OP_##name, ra, rb, rc, k \
	}

static const struct dl_aggdesc count = { .func = DL_AGG_COUNT, .func_known = true };
static const struct dl_aggdesc sum = { .id = 1, .func = DL_AGG_SUM, .func_known = true };
static const struct dl_aggdesc *const aggs[] = { &count, &sum };

static const struct dl_insn only_end[] = { I(END, 0, 0, 0, 0) };
static const struct dl_insn one_arg[] = { I(NARG, 1, 0, 0, 0), I(NSLOT, 1, 0, 0, 0),
					  I(END, 0, 0, 0, 0) };
static const struct dl_insn two_args[] = { I(NARG, 1, 0, 0, 0), I(NSLOT, 1, 0, 0, 0),
					   I(NARG, 2, 0, 0, 1), I(NSLOT, 2, 0, 0, 1),
					   I(END, 0, 0, 0, 0) };
static const struct dl_insn predicate[] = { I(NARG, 0, 0, 0, 0), I(JNZ, 0, 0, 0, 1),
					    I(NREC, 0, 0, 0, 0), I(END, 0, 0, 0, 0) };

static bool find(const struct dl_insn *near, uint32_t n_near, const struct dl_insn *far,
		 uint32_t n_far, uint32_t n_slots, struct dl_near_aggs *ret)
{
	struct dl_clause c = { .near = { .insns = near, .n = n_near, .n_regs = NEAR_REGS },
			       .far = { .insns = far, .n = n_far },
			       .n_slots = n_slots };

	return dl_near_aggs_find(&c, aggs, 2, ret);
}

#define FIND(near, far, slots, ret)                                                              \
	find(near, sizeof(near) / sizeof((near)[0]), far, sizeof(far) / sizeof((far)[0]), slots, \
	     ret)

static void a_count_needs_no_program(void **state)
{
	static const struct dl_insn far[] = { I(STMT, 0, 0, 0, 0), I(LDI, 0, 0, 0, 1),
					      I(LDI, 1, 0, 0, 1),  I(TUP, 0, 0, 0, 0),
					      I(AGG, 0, 1, 0, 0),  I(END, 0, 0, 0, 0) };
	struct dl_near_aggs a;

	(void)state;
	assert_true(FIND(only_end, far, 0, &a));
	assert_int_equal(a.n, 1);
	assert_int_equal(a.list[0].code.n, 0);
	dl_near_aggs_deinit(&a);
	/* A predicate is what there is to run. */
	assert_true(FIND(predicate, far, 0, &a));
	assert_int_equal(a.list[0].code.n, 4);
	dl_near_aggs_deinit(&a);
}

static void values_are_near_without_slots(void **state)
{
	static const struct dl_insn far[] = {
		I(IN, 0, 0, 0, 1),  I(SX, 0, 0, 0, 32), I(LDI, 1, 0, 0, 1),
		I(TUP, 0, 0, 0, 0), I(AGG, 0, 1, 0, 1), I(LDI, 0, 0, 0, 1),
		I(TUP, 0, 0, 0, 0), I(AGG, 0, 1, 0, 0), I(END, 0, 0, 0, 0),
	};
	struct dl_near_aggs a;

	(void)state;
	assert_true(FIND(two_args, far, 2, &a));
	assert_int_equal(a.n, 2);
	/* narg r1; nop; narg r2; sx r2; end */
	assert_int_equal(a.list[0].code.n, 5);
	assert_int_equal(a.list[0].value_reg, 2);
	assert_int_equal(a.list[0].code.insns[1].op, DL_OP_NOP);
	assert_int_equal(a.list[0].code.insns[3].op, DL_OP_SX);
	assert_int_equal(a.list[0].code.insns[3].a, 2);
	assert_int_equal(a.list[1].code.n, 0);
	dl_near_aggs_deinit(&a);
}

static void keys_must_be_the_same_for_all_firings(void **state)
{
	static const struct dl_insn by_func[] = { I(BVAR, 0, 0, 0, DL_BV_PROBEFUNC),
						  I(LDI, 1, 0, 0, 1),
						  I(TUP, 0, 0, 0, 0),
						  I(TUPS, 0, 0, 0, 0),
						  I(AGG, 1, 1, 0, 0),
						  I(END, 0, 0, 0, 0) };
	static const struct dl_insn by_arg[] = { I(IN, 0, 0, 0, 0),  I(LDI, 1, 0, 0, 1),
						 I(TUP, 0, 0, 0, 0), I(TUPI, 0, 0, 0, 8),
						 I(AGG, 1, 1, 0, 0), I(END, 0, 0, 0, 0) };
	static const struct dl_insn by_time[] = { I(BVAR, 0, 0, 0, DL_BV_WALLTIMESTAMP),
						  I(LDI, 1, 0, 0, 1),
						  I(TUP, 0, 0, 0, 0),
						  I(TUPS, 0, 0, 0, 0),
						  I(AGG, 1, 1, 0, 0),
						  I(END, 0, 0, 0, 0) };
	struct dl_near_aggs a;

	(void)state;
	assert_true(FIND(only_end, by_func, 0, &a));
	dl_near_aggs_deinit(&a);
	assert_false(FIND(one_arg, by_arg, 1, &a));
	assert_false(FIND(only_end, by_time, 0, &a));
}

static void other_work_leaves_records(void **state)
{
	static const struct dl_insn stores[] = { I(LDI, 1, 0, 0, 1), I(STV, 1, 0, 0, 0),
						 I(TUP, 0, 0, 0, 0), I(AGG, 1, 1, 0, 0),
						 I(END, 0, 0, 0, 0) };
	static const struct dl_insn jumps[] = { I(LDI, 1, 0, 0, 1), I(JZ, 1, 0, 0, 2),
						I(TUP, 0, 0, 0, 0), I(AGG, 1, 1, 0, 0),
						I(END, 0, 0, 0, 0) };
	struct dl_near_aggs a;

	(void)state;
	assert_false(FIND(only_end, stores, 0, &a));
	assert_false(FIND(only_end, jumps, 0, &a));
}

static void one_integer_of_a_key_may_vary(void **state)
{
	/* @["x", (int)arg1] = sum(arg0); @[arg0, arg1] = ... */
	static const struct dl_insn one[] = {
		I(STR, 0, 0, 0, 0), I(IN, 1, 0, 0, 1),	I(SX, 1, 1, 0, 32),  I(IN, 2, 0, 0, 0),
		I(LDI, 3, 0, 0, 1), I(TUP, 0, 0, 0, 0), I(TUPS, 0, 0, 0, 0), I(TUPI, 1, 0, 0, 4),
		I(AGG, 2, 3, 0, 1), I(END, 0, 0, 0, 0),
	};
	static const struct dl_insn two[] = {
		I(IN, 0, 0, 0, 0),   I(IN, 1, 0, 0, 1),	  I(LDI, 2, 0, 0, 1), I(TUP, 0, 0, 0, 0),
		I(TUPI, 0, 0, 0, 8), I(TUPI, 1, 0, 0, 8), I(AGG, 2, 2, 0, 0), I(END, 0, 0, 0, 0),
	};
	struct dl_near_aggs a;
	struct dl_clause c = { .near = { .insns = two_args, .n = 5, .n_regs = 3 },
			       .far = { .insns = one, .n = 10 },
			       .n_slots = 2 };

	(void)state;
	assert_true(dl_near_aggs_find(&c, aggs, 2, &a));
	assert_true(a.list[0].has_key);
	assert_int_equal(a.list[0].key_slot, 1);
	/* narg r1; mov r4, r1; narg r2; mov r5, r2; sx r5; end */
	assert_int_equal(a.list[0].code.n, 6);
	assert_int_equal(a.list[0].value_reg, 4);
	assert_int_equal(a.list[0].key_reg, 5);
	assert_int_equal(a.list[0].code.insns[1].a, 4);
	assert_int_equal(a.list[0].code.insns[4].op, DL_OP_SX);
	assert_int_equal(a.list[0].code.insns[4].a, 5);
	dl_near_aggs_deinit(&a);
	/* Its registers must be free. */
	c.near.n_regs = 5;
	assert_false(dl_near_aggs_find(&c, aggs, 2, &a));
	c.near.n_regs = 3;
	c.far = (struct dl_code){ .insns = two, .n = 8 };
	assert_false(dl_near_aggs_find(&c, aggs, 2, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_count_needs_no_program),
		cmocka_unit_test(values_are_near_without_slots),
		cmocka_unit_test(keys_must_be_the_same_for_all_firings),
		cmocka_unit_test(other_work_leaves_records),
		cmocka_unit_test(one_integer_of_a_key_may_vary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

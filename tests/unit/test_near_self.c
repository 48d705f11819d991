/* Which clauses with thread-local variables can do without far, and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "dlang/codegen.h"
#include "dlang/near.h"
#include "dlang/near_self.h"

#define I(name, ra, rb, rc, k)              \
	{                                   \
		DL_OP_##name, ra, rb, rc, k \
	}
#define N(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

static const struct dl_aggdesc sum = { .func = DL_AGG_SUM, .func_known = true };
static const struct dl_aggdesc *const aggs[] = { &sum };
static const struct dl_var wide = { .scope = DL_SCOPE_SELF,
				    .value = { .kind = DL_VK_INT, .size = 8 } };
static const struct dl_var narrow = {
	.scope = DL_SCOPE_SELF, .value = { .kind = DL_VK_INT, .size = 1, .is_signed = true }
};
static const struct dl_var global = { .scope = DL_SCOPE_GLOBAL,
				      .value = { .kind = DL_VK_INT, .size = 8 } };
static const struct dl_var *const vars[] = { &wide, &narrow, &global };

static const struct dl_insn only_end[] = { I(END, 0, 0, 0, 0) };
static const struct dl_insn one_arg[] = { I(NARG, 0, 0, 0, 0), I(NSLOT, 0, 0, 0, 0),
					  I(END, 0, 0, 0, 0) };
static const struct dl_insn one_load[] = { I(NARG, 0, 0, 0, 0), I(NLD, 0, 0, 8, 0),
					   I(NSLOT, 0, 0, 0, 0), I(END, 0, 0, 0, 0) };

static bool any_cell(void *arg, enum dl_aggfunc func)
{
	(void)arg;
	(void)func;
	return true;
}

static bool plan(const struct dl_insn *near, uint32_t n_near, uint32_t n_slots,
		 const struct dl_insn *far, uint32_t n_far, struct dl_near_plan *ret)
{
	static int32_t words[] = { 0, 1, -1 };
	const struct dl_near_vars v = {
		.vars = vars, .n = 3, .aggs = aggs, .n_aggs = 1, .words = words, .reg_args = 6
	};
	const struct dl_clause c = {
		.near = { .insns = near, .n = n_near, .n_regs = NEAR_REGS },
		.far = { .insns = far, .n = n_far, .n_regs = 8 },
		.n_slots = n_slots,
	};

	assert_true(dl_near_uses_words(&c, &v));
	return dl_near_plan(&c, &v, any_cell, NULL, ret);
}

/* --- what the programs do --- */

static struct {
	uint64_t arg, now, words[2], total;
	unsigned n_aggs;
	union {
		struct dl_record rec;
		uint64_t room[64];
	} r;
} thread;

static bool arg_of(void *ctx, unsigned n, uint64_t *value, uint64_t *fault_addr)
{
	(void)ctx;
	(void)n;
	(void)fault_addr;
	*value = thread.arg;
	return true;
}

static uint64_t *word_of(void *ctx, unsigned n)
{
	(void)ctx;
	return &thread.words[n];
}

static uint64_t time_of(void *ctx)
{
	(void)ctx;
	return thread.now += 10;
}

static void agg_of(void *ctx, unsigned cell, uint64_t value)
{
	(void)ctx;
	assert_int_equal(cell, 0);
	thread.n_aggs++;
	thread.total += value;
}

static const struct dl_near_ops ops = {
	.arg = arg_of, .self = word_of, .time = time_of, .agg = agg_of
};

static size_t run(const struct dl_near_plan *p)
{
	assert_null(dl_verify(&p->clause.near, true, p->has_record ? p->clause.n_slots : 0, 0, 0, 0,
			      0));
	return dl_near_run(&p->clause.near, p->clause.n_slots, 64, &ops, NULL, &thread.r.rec,
			   sizeof(thread.r));
}

static void a_pair_leaves_no_record(void **state)
{
	static const struct dl_insn entry[] = { I(STMT, 0, 0, 0, 0), I(STMT, 0, 0, 0, 1),
						I(BVAR, 0, 0, 0, DL_BV_TIMESTAMP),
						I(STV, 0, 0, 0, 0), I(END, 0, 0, 0, 0) };
	static const struct dl_insn ret[] = {
		I(STMT, 0, 0, 0, 0),
		I(LDV, 0, 0, 0, 0),
		I(JZ, 0, 0, 0, 10),
		I(STMT, 0, 0, 0, 1),
		I(BVAR, 0, 0, 0, DL_BV_TIMESTAMP),
		I(LDV, 1, 0, 0, 0),
		I(SUB, 0, 0, 1, 0),
		I(LDI, 1, 0, 0, 1),
		I(TUP, 0, 0, 0, 0),
		I(AGG, 0, 1, 0, 0),
		I(STMT, 0, 0, 0, 2),
		I(LDI, 0, 0, 0, 0),
		I(STV, 0, 0, 0, 0),
		I(END, 0, 0, 0, 0),
	};
	struct dl_near_plan a, b;

	(void)state;
	memset(&thread, 0, sizeof(thread));
	assert_true(plan(only_end, 1, 0, entry, N(entry), &a));
	assert_true(plan(only_end, 1, 0, ret, N(ret), &b));
	assert_false(a.has_record || b.has_record);
	assert_int_equal(b.n_aggs, 1);
	assert_int_equal(run(&b), 0); /* not entered */
	run(&a);
	assert_int_equal(thread.words[0], 10);
	run(&b);
	assert_int_equal(thread.total, 10);
	assert_int_equal(thread.words[0], 0);
	assert_int_equal(run(&b), 0);
	assert_int_equal(thread.n_aggs, 1);
	/* For the cell's key far asks for nothing of it. */
	assert_int_equal(b.clause.far.insns[1].op, DL_OP_LDI);
	assert_int_equal(b.clause.far.insns[2].op, DL_OP_NOP);
	assert_int_equal(b.clause.far.insns[12].op, DL_OP_NOP);
	dl_near_plan_deinit(&a);
	dl_near_plan_deinit(&b);
}

/* self->b (a char) += arg0; the sum of it under a condition: self->b ? self->b / 3 : 100 */
static void jumps_and_narrow_variables_are_as_far_has_them(void **state)
{
	static const struct dl_insn far[] = {
		I(STMT, 0, 0, 0, 0), I(STMT, 0, 0, 0, 1),  I(LDV, 0, 0, 0, 1),	I(IN, 1, 0, 0, 0),
		I(ADD, 0, 0, 1, 0),  I(STV, 0, 0, 0, 1),   I(STMT, 0, 0, 0, 2), I(LDV, 0, 0, 0, 1),
		I(JZ, 0, 0, 0, 4),   I(LDV, 0, 0, 0, 1),   I(LDI, 1, 0, 0, 3),	I(DIVS, 0, 0, 1, 0),
		I(JMP, 0, 0, 0, 1),  I(LDI, 0, 0, 0, 100), I(LDI, 1, 0, 0, 1),	I(TUP, 0, 0, 0, 0),
		I(AGG, 0, 1, 0, 0),  I(END, 0, 0, 0, 0),
	};
	struct dl_near_plan p;

	(void)state;
	memset(&thread, 0, sizeof(thread));
	assert_true(plan(one_arg, N(one_arg), 1, far, N(far), &p));
	assert_false(p.has_record);
	run(&p);
	assert_int_equal(thread.total, 100);
	thread.arg = 200;
	run(&p);
	assert_int_equal((int64_t)thread.words[1], 200 - 256);
	assert_int_equal((int64_t)thread.total, 100 + (200 - 256) / 3);
	dl_near_plan_deinit(&p);
}

/* printf() of time and variable; then self->a = arg0 + 1 */
static void what_far_wants_is_in_the_record(void **state)
{
	static const struct dl_insn far[] = {
		I(STMT, 0, 0, 0, 0), I(LDV, 0, 0, 0, 0),  I(JZ, 0, 0, 0, 13),
		I(STMT, 0, 0, 0, 1), I(TRB, 0, 0, 0, 0),  I(BVAR, 0, 0, 0, DL_BV_TIMESTAMP),
		I(LDV, 1, 0, 0, 0),  I(SUB, 0, 0, 1, 0),  I(TRI, 0, 0, 0, 8),
		I(TRE, 0, 0, 0, 0),  I(STMT, 0, 0, 0, 2), I(IN, 0, 0, 0, 0),
		I(ADDI, 0, 0, 0, 1), I(STV, 0, 0, 0, 0),  I(LDV, 0, 0, 0, 0),
		I(STV, 0, 0, 0, 2),  I(END, 0, 0, 0, 0),
	};
	struct dl_near_plan p;

	(void)state;
	memset(&thread, 0, sizeof(thread));
	assert_true(plan(one_arg, N(one_arg), 1, far, N(far), &p));
	assert_true(p.has_record);
	assert_int_equal(p.clause.n_slots, 4);
	assert_int_equal(run(&p), 0);
	thread.words[0] = 3;
	thread.arg = 7;
	assert_int_equal(run(&p), sizeof(struct dl_record) + 4 * 8);
	assert_int_equal(thread.r.rec.slots[0], 7);
	assert_int_equal(thread.r.rec.slots[1], 10); /* timestamp */
	assert_int_equal(thread.r.rec.slots[2], 3);
	assert_int_equal(thread.r.rec.slots[3], 8);
	assert_int_equal(thread.words[0], 8);
	/* Near has decided; the rest is in slots; the global variable is far's. */
	assert_int_equal(p.clause.far.insns[2].op, DL_OP_NOP);
	assert_int_equal(p.clause.far.insns[5].op, DL_OP_IN);
	assert_int_equal(p.clause.far.insns[6].imm, 2);
	assert_int_equal(p.clause.far.insns[13].op, DL_OP_NOP);
	assert_int_equal(p.clause.far.insns[14].imm, 3);
	assert_int_equal(p.clause.far.insns[15].op, DL_OP_STV);
	dl_near_plan_deinit(&p);
}

static void what_a_fault_or_a_condition_may_prevent_is_fars(void **state)
{
	static const struct dl_insn loaded[] = { I(STMT, 0, 0, 0, 0), I(STMT, 0, 0, 0, 1),
						 I(IN, 0, 0, 0, 0), I(STV, 0, 0, 0, 0),
						 I(END, 0, 0, 0, 0) };
	static const struct dl_insn before[] = { I(STMT, 0, 0, 0, 0), I(STMT, 0, 0, 0, 1),
						 I(LDI, 0, 0, 0, 1),  I(STV, 0, 0, 0, 0),
						 I(IN, 0, 0, 0, 0),   I(STV, 0, 0, 0, 2),
						 I(END, 0, 0, 0, 0) };
	static const struct dl_insn behind[] = { I(STMT, 0, 0, 0, 0), I(STMT, 0, 0, 0, 1),
						 I(IN, 0, 0, 0, 0),   I(STV, 0, 0, 0, 2),
						 I(LDI, 0, 0, 0, 1),  I(STV, 0, 0, 0, 0),
						 I(END, 0, 0, 0, 0) };
	static const struct dl_insn divided[] = { I(STMT, 0, 0, 0, 0), I(STMT, 0, 0, 0, 1),
						  I(IN, 0, 0, 0, 0),   I(LDI, 1, 0, 0, 5),
						  I(DIVS, 1, 1, 0, 0), I(STV, 1, 0, 0, 0),
						  I(END, 0, 0, 0, 0) };
	static const struct dl_insn maybe[] = { I(STMT, 0, 0, 0, 0), I(STMT, 0, 0, 0, 1),
						I(LDV, 0, 0, 0, 2),  I(JZ, 0, 0, 0, 2),
						I(LDI, 0, 0, 0, 1),  I(STV, 0, 0, 0, 0),
						I(END, 0, 0, 0, 0) };
	struct dl_near_plan p;

	(void)state;
	assert_false(plan(one_load, N(one_load), 1, loaded, N(loaded), &p));
	assert_true(plan(one_load, N(one_load), 1, before, N(before), &p));
	assert_true(p.has_record);
	dl_near_plan_deinit(&p);
	assert_false(plan(one_load, N(one_load), 1, behind, N(behind), &p));
	assert_true(plan(one_arg, N(one_arg), 1, behind, N(behind), &p));
	dl_near_plan_deinit(&p);
	assert_false(plan(one_arg, N(one_arg), 1, divided, N(divided), &p));
	assert_false(plan(only_end, 1, 0, maybe, N(maybe), &p));
}

/* The key must be what the thread always has. */
static void keys_that_vary_need_a_record(void **state)
{
	static const struct dl_insn far[] = { I(STMT, 0, 0, 0, 0), I(STMT, 0, 0, 0, 1),
					      I(LDV, 0, 0, 0, 0),  I(LDI, 1, 0, 0, 1),
					      I(LDI, 2, 0, 0, 1),  I(TUP, 0, 0, 0, 0),
					      I(TUPI, 0, 0, 0, 8), I(AGG, 1, 2, 0, 0),
					      I(END, 0, 0, 0, 0) };
	struct dl_near_plan p;

	(void)state;
	assert_true(plan(only_end, 1, 0, far, N(far), &p));
	assert_true(p.has_record);
	assert_int_equal(p.clause.n_slots, 1);
	assert_int_equal(p.clause.far.insns[2].op, DL_OP_IN);
	dl_near_plan_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pair_leaves_no_record),
		cmocka_unit_test(jumps_and_narrow_variables_are_as_far_has_them),
		cmocka_unit_test(what_far_wants_is_in_the_record),
		cmocka_unit_test(what_a_fault_or_a_condition_may_prevent_is_fars),
		cmocka_unit_test(keys_that_vary_need_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

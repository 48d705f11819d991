/*
 * Speculation, as programs see it.
 */
#include "far_rig.h"

static int setup(void **state)
{
	*state = rig_create();
	return 0;
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

/* The clauses every test needs: speculate(id), commit(id), discard(id). */
struct clauses {
	uint32_t make, speculate, commit, discard, speculate_printa;
};

static struct clauses enable_all(struct rig *r)
{
	struct clauses c;

	rig_start(r);
	c.make = rig_enable(r, CODE(INSN(CALL, 0, 1, 0, DL_SUBR_SPECULATION), TRACE_INT(0)));
	c.speculate = rig_enable(r, CODE(INSN(IN, 0, 0, 0, 0), INSN(SPEC, 0, 0, 0, 0),
					 INSN(IN, 1, 0, 0, 1), TRACE_INT(1)));
	c.commit = rig_enable(r, CODE(INSN(IN, 0, 0, 0, 0), INSN(COMMIT, 0, 0, 0, 0)));
	c.discard = rig_enable(r, CODE(INSN(IN, 0, 0, 0, 0), INSN(DISCARD, 0, 0, 0, 0)));
	c.speculate_printa =
		rig_enable(r, CODE(INSN(IN, 0, 0, 0, 0), INSN(SPEC, 0, 0, 0, 0),
				   INSN(TRB, 0, 0, 0, RIG_PRINTA), INSN(TRE, 0, 0, 0, 0)));
	r->rec.n_slots = 2;
	r->rec.len = sizeof(r->rec) + 16;
	return c;
}

static unsigned fire(struct rig *r, uint32_t epid, int64_t id, uint64_t value)
{
	r->rec.slots[0] = (uint64_t)id;
	r->rec.slots[1] = value;
	return rig_fire(r, epid);
}

static uint64_t make(struct rig *r, const struct clauses *c)
{
	rig_fire(r, c->make);
	return rig_take_int(r);
}

static void committed_data_appears_in_order(void **state)
{
	struct rig *r = *state;
	struct clauses c = enable_all(r);

	assert_int_equal(make(r, &c), 1);
	fire(r, c.speculate, 1, 100);
	fire(r, c.speculate, 1, 101);
	assert_false(rig_has_entry(r));
	fire(r, c.commit, 1, 0);
	const struct dl_entry *e = dl_trace_peek(dl_state_trace(r->state));

	assert_int_equal(e->epid, c.speculate);
	assert_int_equal(rig_take_int(r), 100);
	assert_int_equal(rig_take_int(r), 101);
	assert_false(rig_has_entry(r));
	/* The id is free again, and a second commit does nothing. */
	fire(r, c.commit, 1, 0);
	assert_false(rig_has_entry(r));
	assert_int_equal(make(r, &c), 1);
}

static void discarded_data_is_gone(void **state)
{
	struct rig *r = *state;
	struct clauses c = enable_all(r);

	make(r, &c);
	fire(r, c.speculate, 1, 100);
	fire(r, c.discard, 1, 0);
	fire(r, c.commit, 1, 0);
	assert_false(rig_has_entry(r));
	/* The next speculation with this id starts empty. */
	assert_int_equal(make(r, &c), 1);
	fire(r, c.commit, 1, 0);
	assert_false(rig_has_entry(r));
}

static void inactive_ids_end_the_clause_silently(void **state)
{
	struct rig *r = *state;
	struct clauses c = enable_all(r);

	assert_int_equal(fire(r, c.speculate, 0, 1), 0);
	assert_int_equal(fire(r, c.speculate, 1, 1), 0);
	assert_false(rig_has_entry(r));
	assert_int_equal(fire(r, c.commit, 0, 0), 0);
	assert_int_equal(fire(r, c.discard, 0, 0), 0);
}

static void impossible_ids_are_illegal_operations(void **state)
{
	struct rig *r = *state;
	struct clauses c = enable_all(r);
	uint32_t epids[] = { c.speculate, c.commit, c.discard };

	for (size_t i = 0; i < ARRAY_SIZE(epids); i++) {
		fire(r, epids[i], 2, 0);
		assert_int_equal(rig_take_fault(r).fault, DL_FLT_ILLOP);
		fire(r, epids[i], -1, 0);
		assert_int_equal(rig_take_fault(r).fault, DL_FLT_ILLOP);
	}
}

static void running_out_of_ids_and_of_room_is_counted(void **state)
{
	struct rig *r = *state;

	rig_option(r, "nspec", "2");
	rig_option(r, "specsize", "700"); /* two records of the classic layout */
	struct clauses c = enable_all(r);

	assert_int_equal(make(r, &c), 1);
	assert_int_equal(make(r, &c), 2);
	assert_int_equal(make(r, &c), 0);
	assert_int_equal(dl_take_drops(r->state, DL_DROP_SPECUNAVAIL), 1);
	fire(r, c.speculate, 1, 100);
	fire(r, c.speculate, 1, 101);
	fire(r, c.speculate, 1, 102);
	assert_int_equal(dl_take_drops(r->state, DL_DROP_SPEC), 1);
	fire(r, c.commit, 1, 0);
	assert_int_equal(rig_take_int(r), 100);
	assert_int_equal(rig_take_int(r), 101);
	assert_false(rig_has_entry(r));
}

static void several_speculations_do_not_mix(void **state)
{
	struct rig *r = *state;

	rig_option(r, "nspec", "3");
	struct clauses c = enable_all(r);

	for (int i = 0; i < 3; i++)
		make(r, &c);
	fire(r, c.speculate, 1, 10);
	fire(r, c.speculate, 2, 20);
	fire(r, c.speculate, 3, 30);
	fire(r, c.speculate, 1, 11);
	fire(r, c.discard, 2, 0);
	fire(r, c.commit, 3, 0);
	fire(r, c.commit, 1, 0);
	assert_int_equal(rig_take_int(r), 30);
	assert_int_equal(rig_take_int(r), 10);
	assert_int_equal(rig_take_int(r), 11);
	assert_int_equal(make(r, &c), 1);
}

static void committing_asks_for_the_consumer_if_the_data_does(void **state)
{
	struct rig *r = *state;
	struct clauses c = enable_all(r);

	make(r, &c);
	assert_int_equal(fire(r, c.speculate, 1, 1), 0);
	assert_int_equal(fire(r, c.speculate_printa, 1, 1), 0);
	assert_int_equal(fire(r, c.commit, 1, 1), DL_FIRED_CONSUME);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(committed_data_appears_in_order),
		T(discarded_data_is_gone),
		T(inactive_ids_end_the_clause_silently),
		T(impossible_ids_are_illegal_operations),
		T(running_out_of_ids_and_of_room_is_counted),
		T(several_speculations_do_not_mix),
		T(committing_asks_for_the_consumer_if_the_data_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

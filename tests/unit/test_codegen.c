/*
 * Code generation from trees made by hand: what goes to near, what stays in
 * far, and what a clause says it needs.
 */
#include "cgtree.h"

#define HAS(text, part) assert_non_null(strstr(text, part))
#define LACKS(text, part) assert_null(strstr(text, part))

static int make(void **state)
{
	*state = tree_new();
	return 0;
}

static int unmake(void **state)
{
	tree_free(*state);
	return 0;
}

static struct dl_ident *int_var(struct tree *t, const char *name)
{
	return var_new(t, DL_SCOPE_GLOBAL, name, ty(t, DL_T_LONG), vint(8, true));
}

static struct dl_node *chain(struct dl_node *a, struct dl_node *b)
{
	a->next = b;
	return a;
}

static struct dl_node *eq(struct tree *t, struct dl_node *l, struct dl_node *r)
{
	return bin(t, DL_O_EQ, ty(t, DL_T_INT), l, r);
}

static struct dl_node *land(struct tree *t, struct dl_node *l, struct dl_node *r)
{
	return bin(t, DL_O_LAND, ty(t, DL_T_INT), l, r);
}

static struct dl_node *add(struct tree *t, struct dl_node *l, struct dl_node *r)
{
	return bin(t, DL_O_ADD, ty(t, DL_T_LONG), l, r);
}

static void test_disassembly_of_a_small_clause(void **state)
{
	struct tree *t = *state;
	struct dl_ident *x = int_var(t, "x");
	struct dl_node *pred =
		land(t, eq(t, arg(t, 0), num(t, 5)), eq(t, varref(t, x), num(t, 0x123456789a)));

	assert_string_equal(code_text(t, pred, trace_int(t, add(t, arg(t, 1), varref(t, x)))),
			    "clause 1: p\n"
			    "  record tier ok\n"
			    "  near: 1 slot, 2 registers\n"
			    "       0  narg    r0, 0\n"
			    "       1  ldi     r1, 5\n"
			    "       2  eq      r0, r0, r1\n"
			    "       3  jnz     r0, -> 5\n"
			    "       4  nrec\n"
			    "       5  narg    r0, 1\n"
			    "       6  nslot   r0, 0\n"
			    "       7  end\n"
			    "  far: 2 registers, 1 action\n"
			    "       0  stmt    0\n"
			    "       1  ldv     r0, 0                 ; x\n"
			    "       2  ldk     r1, 0                 ; 0x123456789a\n"
			    "       3  eq      r0, r0, r1\n"
			    "       4  jz      r0, -> 12\n"
			    "       5  stmt    1\n"
			    "       6  trb     0                     ; trace\n"
			    "       7  in      r0, 0\n"
			    "       8  ldv     r1, 0                 ; x\n"
			    "       9  add     r0, r0, r1\n"
			    "      10  tri     r0, 8\n"
			    "      11  tre\n"
			    "      12  end\n");
}

static void test_an_empty_clause_records(void **state)
{
	struct tree *t = *state;

	assert_true(generate(t, NULL, NULL));
	assert_true(t->out.records);
	assert_int_equal(t->out.n_slots, 0);
	assert_int_equal(t->out.near.n, 1);
	assert_null(t->out.needs_stop);
}

static void test_equal_inputs_share_a_slot(void **state)
{
	struct tree *t = *state;
	struct dl_node *body = chain(trace_int(t, add(t, arg(t, 0), num(t, 1))),
				     trace_int(t, add(t, arg(t, 0), num(t, 1))));

	assert_true(generate(t, NULL, body));
	assert_int_equal(t->out.n_slots, 1);
	body = chain(trace_int(t, add(t, arg(t, 0), num(t, 1))),
		     trace_int(t, add(t, arg(t, 0), num(t, 2))));
	assert_true(generate(t, NULL, body));
	assert_int_equal(t->out.n_slots, 2);
}

static void test_loads_of_different_types_do_not_share(void **state)
{
	struct tree *t = *state;
	struct dl_node *body = chain(trace_int(t, deref(t, ty(t, DL_T_INT), arg(t, 0))),
				     trace_int(t, deref(t, ty(t, DL_T_UINT), arg(t, 0))));

	assert_true(generate(t, NULL, body));
	assert_int_equal(t->out.n_slots, 2);
}

static void test_constants_are_no_inputs(void **state)
{
	struct tree *t = *state;

	assert_true(generate(t, NULL, trace_int(t, num(t, 3))));
	assert_int_equal(t->out.n_slots, 0);
}

static void test_memory_at_constant_addresses_is_an_input(void **state)
{
	struct tree *t = *state;
	struct dl_node *e = deref(t, ty(t, DL_T_INT), num(t, 0x404000));
	const char *text = code_text(t, NULL, trace_int(t, e));

	HAS(text, "nld     r0, [r0], s32");
	HAS(text, "record tier ok");
}

static void test_division_stays_in_far(void **state)
{
	struct tree *t = *state;
	struct dl_node *e = bin(t, DL_O_DIV, ty(t, DL_T_LONG), arg(t, 0), arg(t, 1));
	const char *text = code_text(t, NULL, trace_int(t, e));

	HAS(text, "near: 2 slots");
	HAS(text, "divs    r0, r0, r1");
}

static void test_members_load_at_their_offset(void **state)
{
	struct tree *t = *state;
	struct dl_type *s = dl_type_new(t->c.types, DL_STRUCT, "s");
	struct dl_node *e;

	s->size = 64;
	e = member(t, ty(t, DL_T_SHORT), member(t, s, deref(t, s, arg(t, 0)), 8), 6);
	HAS(code_text(t, NULL, trace_int(t, e)), "nld     r0, [r0 + 14], s16");
}

static void test_bit_fields_are_cut_out_of_their_unit(void **state)
{
	struct tree *t = *state;
	struct dl_type *s = dl_type_new(t->c.types, DL_STRUCT, "s");
	struct dl_node *e;
	const char *text;

	s->size = 8;
	e = member(t, ty(t, DL_T_INT), deref(t, s, arg(t, 0)), 4);
	e->bit_off = 5;
	e->bits = 3;
	text = code_text(t, NULL, trace_int(t, e));
	HAS(text, "nld     r0, [r0 + 4], u32");
	HAS(text, "ldi     r1, 5");
	HAS(text, "shr     r0, r0, r1");
	HAS(text, "sx      r0, r0, 3");
}

static void test_only_leading_conjuncts_of_registers_go_to_near(void **state)
{
	struct tree *t = *state;
	struct dl_ident *x = int_var(t, "x");
	struct dl_node *pred = land(t, land(t, arg(t, 0), varref(t, x)), arg(t, 1));
	const char *text = code_text(t, pred, NULL);

	HAS(text, "       2  nrec\n");
	HAS(text, "near: 1 slot"); /* arg1, for far */
	pred = land(t, deref(t, ty(t, DL_T_INT), arg(t, 0)), arg(t, 1));
	LACKS(code_text(t, pred, NULL), "nrec");
	pred = land(t, arg(t, 0), arg(t, 9)); /* which may lie on the stack */
	text = code_text(t, pred, NULL);
	HAS(text, "nrec");
	HAS(text, "narg    r0, 9\n       4  nslot");
}

static void test_a_predicate_in_near_is_not_repeated(void **state)
{
	struct tree *t = *state;

	assert_true(generate(t, eq(t, arg(t, 0), num(t, 1)), NULL));
	assert_int_equal(t->out.far.n, 2);
	assert_int_equal(t->out.n_slots, 0);
	assert_true(generate(t, num(t, 1), NULL));
	assert_int_equal(t->out.near.n, 1);
}

static void test_copyinstr_of_an_argument_is_captured(void **state)
{
	struct tree *t = *state;
	struct dl_node *e = call(t, DL_SUBR_COPYINSTR, ty(t, DL_T_STRING), arg(t, 0), NULL, NULL);
	const char *text = code_text(t, NULL, trace(t, e, vkind(DL_VK_STRING, 256)));

	HAS(text, "ncaps   r0, 0");
	HAS(text, "inp     r0, 0");
	HAS(text, "record tier ok");
}

static void test_copyinstr_of_a_variable_needs_a_stop(void **state)
{
	struct tree *t = *state;
	struct dl_ident *x = int_var(t, "x");
	struct dl_node *e =
		call(t, DL_SUBR_COPYINSTR, ty(t, DL_T_STRING), varref(t, x), NULL, NULL);

	HAS(code_text(t, NULL, trace(t, e, vkind(DL_VK_STRING, 256))),
	    "call    r0, r0, 1, 6          ; copyinstr");
	assert_string_equal(t->out.needs_stop,
			    "copyinstr() of an address that is not computed from arguments");
}

static void test_copyin_gives_a_buffer_of_its_own(void **state)
{
	struct tree *t = *state;
	struct dl_ident *b = var_new(t, DL_SCOPE_THIS, "b", ty(t, DL_T_VOIDPTR), vint(8, false));
	struct dl_node *in =
		call(t, DL_SUBR_COPYIN, ty(t, DL_T_VOIDPTR), arg(t, 0), num(t, 64), NULL);
	struct dl_node *body = chain(expr(t, assign(t, varref(t, b), in)),
				     trace_int(t, deref(t, ty(t, DL_T_INT), varref(t, b))));
	const char *text = code_text(t, NULL, body);

	HAS(text, "ncapm   r0, r1, 0");
	HAS(text, "; alloca");
	HAS(text, "; bcopy");
	/* The load through the variable is known to stay in D memory. */
	HAS(text, "record tier ok");
}

static void test_a_variable_assigned_under_a_condition_may_lead_anywhere(void **state)
{
	struct tree *t = *state;
	struct dl_ident *b = var_new(t, DL_SCOPE_THIS, "b", ty(t, DL_T_VOIDPTR), vint(8, false));
	struct dl_node *in = call(t, DL_SUBR_ALLOCA, ty(t, DL_T_VOIDPTR), num(t, 8), NULL, NULL);
	struct dl_node *cond = un(t, DL_N_IF, NULL, arg(t, 0));

	cond->body = expr(t, assign(t, varref(t, b), in));
	assert_true(generate(t, NULL,
			     chain(cond, trace_int(t, deref(t, ty(t, DL_T_INT), varref(t, b))))));
	assert_non_null(t->out.needs_stop);
}

static void test_a_variable_stands_for_what_it_was_assigned(void **state)
{
	struct tree *t = *state;
	struct dl_type *vp = ty(t, DL_T_VOIDPTR), *i = ty(t, DL_T_INT);
	struct dl_ident *p = var_new(t, DL_SCOPE_THIS, "p", vp, vint(8, false));
	struct dl_node *one = expr(t, assign(t, varref(t, p), cast(t, vp, arg(t, 0))));
	struct dl_node *two = trace_int(t, deref(t, i, varref(t, p)));
	struct dl_node *three = expr(t, assign(t, varref(t, p), cast(t, vp, arg(t, 1))));
	struct dl_node *four = trace_int(t, deref(t, i, varref(t, p)));

	assert_true(generate(t, NULL, chain(one, chain(two, chain(three, four)))));
	assert_null(t->out.needs_stop);
	assert_int_equal(t->out.n_slots, 4);
}

static void test_a_load_through_copyin_is_a_plain_load(void **state)
{
	struct tree *t = *state;
	struct dl_node *in =
		call(t, DL_SUBR_COPYIN, ty(t, DL_T_VOIDPTR), arg(t, 0), num(t, 4), NULL);
	struct dl_type *ip = dl_type_ptr(t->c.types, ty(t, DL_T_INT));
	struct dl_node *e = deref(t, ty(t, DL_T_INT), cast(t, ip, in));
	const char *text = code_text(t, NULL, trace_int(t, e));

	HAS(text, "nld     r0, [r0], s32");
	LACKS(text, "call");
}

static void test_a_load_beyond_the_copyin_is_not(void **state)
{
	struct tree *t = *state;
	struct dl_node *in =
		call(t, DL_SUBR_COPYIN, ty(t, DL_T_VOIDPTR), arg(t, 0), num(t, 2), NULL);
	struct dl_node *e = deref(t, ty(t, DL_T_INT), in);

	HAS(code_text(t, NULL, trace_int(t, e)), "; bcopy");
}

static void test_copyout_forbids_reading_ahead(void **state)
{
	struct tree *t = *state;
	struct dl_ident *x = int_var(t, "x");
	struct dl_node *out =
		call(t, DL_SUBR_COPYOUT, ty(t, DL_T_VOID), varref(t, x), arg(t, 0), num(t, 4));
	struct dl_node *body =
		chain(expr(t, out), trace_int(t, deref(t, ty(t, DL_T_INT), arg(t, 0))));
	const char *text = code_text(t, NULL, body);

	LACKS(text, "nld");
	HAS(text, "ld      r0, [r0], s32");
	HAS(text, "near: 1 slot");
	assert_true(t->out.is_destructive);
	assert_non_null(t->out.needs_stop);
}

static void test_structs_by_value_are_captured_whole(void **state)
{
	struct tree *t = *state;
	struct dl_type *s = dl_type_new(t->c.types, DL_STRUCT, "s");
	struct dl_node *e;
	const char *text;

	s->size = 24;
	e = deref(t, s, arg(t, 0));
	text = code_text(t, NULL, trace(t, e, vkind(DL_VK_BYTES, 24)));
	HAS(text, "ldi     r1, 24");
	HAS(text, "ncapm   r0, r1, 0");
	HAS(text, "trm     r0, 24");
}

static void test_the_address_of_an_array_is_no_capture(void **state)
{
	struct tree *t = *state;
	struct dl_type *s = dl_type_new(t->c.types, DL_STRUCT, "s");
	struct dl_type *a = dl_type_array(t->c.types, ty(t, DL_T_CHAR), 16);
	struct dl_node *e;
	const char *text;

	s->size = 32;
	e = cast(t, ty(t, DL_T_ULONG), member(t, a, deref(t, s, arg(t, 0)), 8));
	text = code_text(t, NULL, trace_int(t, e));
	HAS(text, "addi    r0, r0, 8");
	LACKS(text, "ncap");
	/* As a string it is one, of 16 bytes and a NUL. */
	e = member(t, a, deref(t, s, arg(t, 0)), 8);
	text = code_text(t, NULL, trace(t, e, vkind(DL_VK_STRING, 16)));
	HAS(text, "ldi     r1, 17");
	HAS(text, "ncapsn  r0, r1, 0");
}

static void test_far_checks_the_bounds_near_ignores(void **state)
{
	struct tree *t = *state;
	struct dl_node *index = un(t, DL_N_BOUNDS, ty(t, DL_T_LONG), arg(t, 1)), *e;
	const char *text;

	index->value = 10;
	e = deref(t, ty(t, DL_T_CHAR), add(t, arg(t, 0), index));
	text = code_text(t, NULL, trace_int(t, e));
	HAS(text, "near: 2 slots");
	HAS(text, "bounds  r0, 10");
	HAS(text, "record tier ok");
}

static void test_lets_of_inputs_vanish(void **state)
{
	struct tree *t = *state;
	struct dl_type *l = ty(t, DL_T_LONG);
	struct dl_node *in = add(t, letvar(t, 7, l), deref(t, ty(t, DL_T_INT), letvar(t, 7, l)));
	const char *text = code_text(t, NULL, trace_int(t, let(t, 7, arg(t, 0), in)));

	HAS(text, "near: 1 slot");
	LACKS(text, "mov");
}

static void test_lets_of_variables_are_evaluated_once(void **state)
{
	struct tree *t = *state;
	struct dl_type *l = ty(t, DL_T_LONG);
	struct dl_ident *x = int_var(t, "x");
	struct dl_node *inc = un(t, DL_N_INCDEC, l, varref(t, x)), *in;
	const char *text, *first;

	inc->op = DL_O_POSTINC;
	inc->value = 1;
	in = add(t, letvar(t, 7, l), letvar(t, 7, l));
	text = code_text(t, NULL, trace_int(t, let(t, 7, inc, in)));
	first = strstr(text, "stv");
	assert_non_null(first);
	LACKS(first + 1, "stv");
}

/* x0 op (x1 op (x2 ...)), each in need of one more register when taken as it stands */
static void test_a_right_deep_expression_needs_two_registers(void **state)
{
	struct tree *t = *state;
	struct dl_node *e = arg(t, 0);

	for (unsigned i = 1; i < 20; i++)
		e = bin(t, DL_O_SUB, ty(t, DL_T_LONG), arg(t, i % 6), e);
	assert_true(generate(t, NULL, trace_int(t, e)));
	assert_int_equal(t->out.n_slots, 1);
	assert_int_equal(t->out.near.n_regs, 2);
}

static struct dl_node *full_tree(struct tree *t, unsigned depth)
{
	if (depth == 0)
		return arg(t, 0);
	return bin(t, DL_O_SUB, ty(t, DL_T_LONG), full_tree(t, depth - 1), full_tree(t, depth - 1));
}

static void test_what_exceeds_nears_registers_is_split(void **state)
{
	struct tree *t = *state;

	assert_true(generate(t, NULL, trace_int(t, full_tree(t, 5))));
	assert_int_equal(t->out.near.n_regs, 6);
	assert_int_equal(t->out.far.n_regs, 1);
	assert_true(generate(t, NULL, trace_int(t, full_tree(t, 6))));
	assert_int_equal(t->out.n_slots, 1); /* both halves are equal */
	assert_int_equal(t->out.far.n_regs, 2);
}

static void test_with_all_slots_used_far_asks_the_thread(void **state)
{
	struct tree *t = *state;
	struct dl_node *body = NULL;

	for (unsigned i = 0; i < NEAR_SLOTS_MAX + 1; i++) {
		struct dl_node *one = trace_int(t, add(t, arg(t, 0), num(t, i)));

		one->next = body;
		body = one;
	}
	assert_true(generate(t, NULL, body));
	assert_int_equal(t->out.n_slots, NEAR_SLOTS_MAX);
	assert_non_null(t->out.needs_stop);
}

static struct dl_node *aggregate(struct tree *t, struct dl_aggdesc *a, struct dl_node *keys,
				 struct dl_node *value)
{
	struct dl_node *n = un(t, DL_N_AGG, NULL, value);

	n->agg = a;
	n->args = keys;
	return n;
}

static void test_aggregations_alone_leave_no_record(void **state)
{
	struct tree *t = *state;
	struct dl_value_desc keys[2] = { vint(4, true), vkind(DL_VK_USTACK, 5) };
	struct dl_aggdesc a = { .name = "a", .keys = keys, .n_keys = 1, .func_known = true };
	struct dl_node *n;
	const char *text;

	assert_true(vec_push(&t->c.agg_table, &a));
	n = aggregate(t, &a, arg(t, 0), NULL);
	text = code_text(t, NULL, n);
	assert_false(t->out.records);
	assert_true(t->out.has_aggs);
	HAS(text, "sx      r0, r0, 32");
	HAS(text, "tup\n");
	HAS(text, "tupi    r0, 4");
	HAS(text, "agg     r1, r2, 0             ; @a");
	assert_null(t->out.needs_stop);
	n = chain(aggregate(t, &a, arg(t, 0), NULL), expr(t, arg(t, 1)));
	assert_true(generate(t, NULL, n));
	assert_false(t->out.records);
	a.n_keys = 2;
	n = aggregate(t, &a, chain(arg(t, 0), nd(t, DL_N_CALL, ty(t, DL_T_STACK))), NULL);
	HAS(code_text(t, NULL, n), "tupu    r1, 5");
	assert_null(t->out.needs_stop);
	assert_true(t->out.wants_stack);
}

static void test_an_expression_leaves_no_record(void **state)
{
	struct tree *t = *state;

	assert_true(generate(t, NULL, expr(t, arg(t, 0))));
	assert_false(t->out.records);
}

static void test_a_committing_clause_leaves_no_record(void **state)
{
	struct tree *t = *state;

	HAS(code_text(t, NULL, un(t, DL_N_COMMIT, NULL, num(t, 1))), "commit  r0");
	assert_false(t->out.records);
	HAS(code_text(t, NULL, un(t, DL_N_DISCARD, NULL, num(t, 1))), "discard r0");
	assert_false(t->out.records);
	HAS(code_text(t, NULL, un(t, DL_N_SPECULATE, NULL, num(t, 1))), "spec    r0");
	assert_true(t->out.records);
}

static void test_effects_need_a_stop_and_are_destructive(void **state)
{
	struct tree *t = *state;
	struct dl_node *n = nd(t, DL_N_EFFECT, NULL);

	n->effect = DL_EF_STOP;
	HAS(code_text(t, NULL, n), "; stop");
	assert_true(t->out.is_destructive);
	assert_string_equal(t->out.needs_stop, "stop() acts on the thread");
}

static void test_exit_records_and_acts(void **state)
{
	struct tree *t = *state;
	struct dl_node *n = trace(t, num(t, 3), vint(4, true));

	n->act->kind = DL_ACT_EXIT;
	HAS(code_text(t, NULL, n), "       3  ldi     r0, 3\n"
				   "       4  tri     r0, 4\n"
				   "       5  tre\n"
				   "       6  act     r0, 3                 ; exit\n");
	assert_null(t->out.needs_stop);
	assert_false(t->out.is_destructive);
}

static void test_if_numbers_its_statements(void **state)
{
	struct tree *t = *state;
	struct dl_ident *x = int_var(t, "x");
	struct dl_node *n = un(t, DL_N_IF, NULL, varref(t, x));

	n->body = trace_int(t, num(t, 1));
	n->else_body = trace_int(t, num(t, 2));
	HAS(code_text(t, NULL, n), "       1  stmt    1\n"
				   "       2  ldv     r0, 0                 ; x\n"
				   "       3  jz      r0, -> 10\n"
				   "       4  stmt    1\n"
				   "       5  trb     0                     ; trace\n"
				   "       6  ldi     r0, 1\n"
				   "       7  tri     r0, 8\n"
				   "       8  tre\n"
				   "       9  jmp     -> 15\n"
				   "      10  stmt    2\n"
				   "      11  trb     1                     ; trace\n");
}

static void test_associative_arrays_use_the_tuple_last(void **state)
{
	struct tree *t = *state;
	struct dl_ident *m = int_var(t, "m");
	struct dl_value_desc key = vint(8, true);
	struct dl_node *inner = varref(t, m), *outer = varref(t, m), *e;

	m->var->is_assoc = true;
	m->var->keys = &key;
	m->var->n_keys = 1;
	inner->args = num(t, 1);
	outer->args = inner;
	e = assign(t, outer, arg(t, 0));
	HAS(code_text(t, NULL, expr(t, e)), "       2  in      r0, 0\n"
					    "       3  ldi     r1, 1\n"
					    "       4  tup\n"
					    "       5  tupi    r1, 8\n"
					    "       6  ldvk    r1, 0                 ; m\n"
					    "       7  tup\n"
					    "       8  tupi    r1, 8\n"
					    "       9  stvk    r0, 0                 ; m\n");
}

static void test_more_than_eight_keys_are_refused(void **state)
{
	struct tree *t = *state;
	struct dl_ident *m = int_var(t, "m");
	struct dl_value_desc keys[9];
	struct dl_node *n = varref(t, m);

	for (unsigned i = 0; i < 9; i++) {
		struct dl_node *k = num(t, i);

		keys[i] = vint(8, true);
		k->next = n->args;
		n->args = k;
	}
	m->var->is_assoc = true;
	m->var->keys = keys;
	m->var->n_keys = 9;
	assert_false(generate(t, NULL, expr(t, n)));
	assert_int_equal(t->c.diags.n_errors, 1);
	assert_string_equal(t->c.diags.list.items[0].text,
			    "Insufficient tuple registers to generate code");
	assert_false(t->c.diags.list.items[0].has_tag);
}

static void test_registers_run_out_with_an_error(void **state)
{
	struct tree *t = *state;
	struct dl_ident *x = int_var(t, "x");
	struct dl_node *e = varref(t, x);

	for (unsigned i = 0; i < 254; i++)
		e = bin(t, DL_O_MUL, ty(t, DL_T_LONG), varref(t, x), e);
	assert_true(generate(t, NULL, trace_int(t, e)));
	assert_int_equal(t->out.far.n_regs, 255);
	for (unsigned i = 0; i < 10; i++)
		e = bin(t, DL_O_MUL, ty(t, DL_T_LONG), varref(t, x), e);
	assert_false(generate(t, NULL, trace_int(t, e)));
	assert_int_equal(t->c.diags.list.items[0].tag, D_NOREG);
}

static void test_a_tree_too_deep_is_an_error(void **state)
{
	struct tree *t = *state;
	struct dl_ident *x = int_var(t, "x");
	struct dl_node *e = varref(t, x);

	for (unsigned i = 0; i < 100000; i++)
		e = add(t, e, num(t, 1));
	assert_false(generate(t, NULL, trace_int(t, e)));
	assert_int_equal(t->c.diags.list.items[0].tag, D_NOREG);
}

/* let a1 = a0 + a0 in let a2 = a1 + a1 in ...: 2^40 nodes if it were written out */
static void test_nested_lets_do_not_explode(void **state)
{
	struct tree *t = *state;
	struct dl_type *l = ty(t, DL_T_LONG);
	struct dl_node *e = letvar(t, 40, l);

	for (unsigned i = 40; i > 0; i--) {
		struct dl_node *of = i == 1 ? arg(t, 0) : letvar(t, i - 1, l);
		struct dl_node *of2 = i == 1 ? arg(t, 0) : letvar(t, i - 1, l);

		e = let(t, i, add(t, of, of2), e);
	}
	assert_true(generate(t, NULL, trace_int(t, e)));
	assert_true(t->out.far.n < 1000);
	assert_true(t->out.near.n < 2000);
}

static void test_strings_compare_by_content(void **state)
{
	struct tree *t = *state;
	struct dl_node *e = bin(t, DL_O_GT, ty(t, DL_T_INT), str(t, "a\"b"),
				un(t, DL_N_STRINGOF, ty(t, DL_T_STRING), arg(t, 0)));
	const char *text = code_text(t, NULL, trace_int(t, e));

	HAS(text, "str     r0, 0                 ; \"a\\\"b\"");
	HAS(text, "inp     r1, 0");
	HAS(text, "scmp    r0, r0, r1");
	HAS(text, "lts     r0, r1, r0");
}

static void test_floats_travel_as_bytes(void **state)
{
	struct tree *t = *state;
	struct dl_type *f = ty(t, DL_T_FLOAT);
	const char *text =
		code_text(t, NULL, trace(t, deref(t, f, arg(t, 0)), vkind(DL_VK_FLOAT, 4)));
	struct dl_node *sum;

	HAS(text, "ncapm");
	HAS(text, "trm     r0, 4");
	LACKS(text, "ldf");
	sum = bin(t, DL_O_ADD, ty(t, DL_T_DOUBLE),
		  cast(t, ty(t, DL_T_DOUBLE), deref(t, f, arg(t, 0))),
		  cast(t, ty(t, DL_T_DOUBLE), arg(t, 1)));
	text = code_text(t, NULL, trace(t, sum, vkind(DL_VK_FLOAT, 8)));
	HAS(text, "ldf     r1, r1, 4");
	HAS(text, "i2f     r2, r2");
	HAS(text, "fadd    r1, r1, r2");
	HAS(text, "stf     r0, r1, 8");
}

static void test_casts_narrow_only_when_they_must(void **state)
{
	struct tree *t = *state;
	struct dl_type *c = ty(t, DL_T_CHAR), *u = ty(t, DL_T_UINT);

	HAS(code_text(t, NULL, trace_int(t, cast(t, c, arg(t, 0)))), "sx      r0, r0, 8");
	HAS(code_text(t, NULL, trace_int(t, cast(t, u, cast(t, c, arg(t, 0))))),
	    "zx      r0, r0, 32");
	LACKS(code_text(t, NULL, trace_int(t, cast(t, u, deref(t, ty(t, DL_T_UCHAR), arg(t, 0))))),
	      "zx");
	HAS(code_text(t, NULL, trace_int(t, cast(t, ty(t, DL_T_BOOL), arg(t, 0)))),
	    "bool    r0, r0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_disassembly_of_a_small_clause),
		TEST(test_an_empty_clause_records),
		TEST(test_equal_inputs_share_a_slot),
		TEST(test_loads_of_different_types_do_not_share),
		TEST(test_constants_are_no_inputs),
		TEST(test_memory_at_constant_addresses_is_an_input),
		TEST(test_division_stays_in_far),
		TEST(test_members_load_at_their_offset),
		TEST(test_bit_fields_are_cut_out_of_their_unit),
		TEST(test_only_leading_conjuncts_of_registers_go_to_near),
		TEST(test_a_predicate_in_near_is_not_repeated),
		TEST(test_copyinstr_of_an_argument_is_captured),
		TEST(test_copyinstr_of_a_variable_needs_a_stop),
		TEST(test_copyin_gives_a_buffer_of_its_own),
		TEST(test_a_variable_assigned_under_a_condition_may_lead_anywhere),
		TEST(test_a_variable_stands_for_what_it_was_assigned),
		TEST(test_a_load_through_copyin_is_a_plain_load),
		TEST(test_a_load_beyond_the_copyin_is_not),
		TEST(test_copyout_forbids_reading_ahead),
		TEST(test_structs_by_value_are_captured_whole),
		TEST(test_the_address_of_an_array_is_no_capture),
		TEST(test_far_checks_the_bounds_near_ignores),
		TEST(test_lets_of_inputs_vanish),
		TEST(test_lets_of_variables_are_evaluated_once),
		TEST(test_a_right_deep_expression_needs_two_registers),
		TEST(test_what_exceeds_nears_registers_is_split),
		TEST(test_with_all_slots_used_far_asks_the_thread),
		TEST(test_aggregations_alone_leave_no_record),
		TEST(test_an_expression_leaves_no_record),
		TEST(test_a_committing_clause_leaves_no_record),
		TEST(test_effects_need_a_stop_and_are_destructive),
		TEST(test_exit_records_and_acts),
		TEST(test_if_numbers_its_statements),
		TEST(test_associative_arrays_use_the_tuple_last),
		TEST(test_more_than_eight_keys_are_refused),
		TEST(test_registers_run_out_with_an_error),
		TEST(test_a_tree_too_deep_is_an_error),
		TEST(test_nested_lets_do_not_explode),
		TEST(test_strings_compare_by_content),
		TEST(test_floats_travel_as_bytes),
		TEST(test_casts_narrow_only_when_they_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

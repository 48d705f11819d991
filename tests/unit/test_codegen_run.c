/*
 * Code generation end to end: trees are compiled, near runs over a fake
 * thread, far in the VM, and what is traced is compared with an evaluator
 * that walks the tree.  The trees are random; the seed is fixed.
 */
#include "cgtree.h"

#include "../../dlang/near.h"
#include "../../dlang/state.h"

#define BASE 0x100000u
#define SIZE 4096u
#define N_ARGS 10
#define N_VARS 3

static struct {
	uint8_t mem[SIZE];
	uint64_t args[N_ARGS];
	uint64_t vars[N_VARS]; /* what the evaluator thinks they hold */
	uint64_t seed;
} fake;

static uint64_t next_random(void)
{
	fake.seed ^= fake.seed << 13;
	fake.seed ^= fake.seed >> 7;
	fake.seed ^= fake.seed << 17;
	return fake.seed;
}

static unsigned below(unsigned n)
{
	return (unsigned)(next_random() >> 20) % n;
}

/* --- the thread --- */

static bool near_arg(void *ctx, unsigned n, uint64_t *value, uint64_t *fault_addr)
{
	(void)ctx;
	*fault_addr = 0;
	*value = n < N_ARGS ? fake.args[n] : 0;
	return true;
}

static uint64_t near_reg(void *ctx, unsigned n)
{
	(void)ctx;
	return n * 1000;
}

static size_t load(void *ctx, uint64_t addr, void *buf, size_t len)
{
	(void)ctx;
	if (addr < BASE || addr >= BASE + SIZE)
		return 0;
	if (len > BASE + SIZE - addr)
		len = BASE + SIZE - addr;
	memcpy(buf, fake.mem + (addr - BASE), len);
	return len;
}

static uint64_t thread_var_at(void *ctx, enum dl_bvar which, uint64_t index)
{
	(void)ctx;
	return which == DL_BV_ARG && index < N_ARGS ? fake.args[index] : 0;
}

static const struct dl_near_ops near_ops = { .arg = near_arg, .reg = near_reg, .load = load };
static const struct dl_thread_ops thread_ops = { .load = load, .var_at = thread_var_at };

/* --- running a clause --- */

struct result {
	bool fired; /* near left a record */
	bool has_fault;
	struct dl_fault_info fault;
	uint32_t n_items, len; /* of the entry; of its first item */
	uint8_t data[512]; /* the first item's */
};

static void take_entry(struct dl_trace *trace, struct result *r)
{
	const struct dl_entry *e = dl_trace_peek(trace);
	const struct dl_item *item;

	if (!e)
		return;
	r->n_items = e->n_items;
	if (e->n_items) {
		item = (const struct dl_item *)(const void *)(e + 1);
		r->len = item->len;
		assert_true(item->len <= sizeof(r->data));
		memcpy(r->data, item->data, item->len);
	}
	dl_trace_next(trace);
}

static struct result run(struct tree *t, struct dl_node *pred, struct dl_node *body)
{
	static uint64_t record[1024];
	static const struct dl_probe_id probe = { 1, "p", "m", "f", "n" };
	struct dl_record *rec = (struct dl_record *)record;
	struct dl_thread thread = { .ops = &thread_ops, .key = 7, .pid = 1, .tid = 1 };
	struct result r = { 0 };
	struct error *err = NULL;
	struct dl_state *s;

	assert_true(generate(t, pred, body));
	s = dl_state_create(&t->c, NULL);
	assert_non_null(s);
	rec->epid = dl_state_enable(s, &t->out, &probe, &err);
	assert_null(err);
	dl_state_set_activity(s, DL_ACTIVE);
	rec->flags = DL_REC_FIRST;
	rec->time = 1;
	r.fired = dl_near_run(&t->out.near, t->out.n_slots, 256, &near_ops, NULL, rec,
			      sizeof(record)) > 0;
	if (r.fired)
		dl_fire(s, rec, &thread);
	r.has_fault = dl_take_fault(s, &r.fault);
	take_entry(dl_state_trace(s), &r);
	dl_state_destroy(s);
	return r;
}

static uint64_t word(const struct result *r)
{
	uint64_t v;

	assert_false(r->has_fault);
	assert_int_equal(r->n_items, 1);
	assert_int_equal(r->len, 8);
	memcpy(&v, r->data, 8);
	return v;
}

static const char *text(const struct result *r)
{
	assert_false(r->has_fault);
	assert_int_equal(r->n_items, 1);
	return (const char *)r->data + 4;
}

/* --- the evaluator --- */

static uint64_t fit(uint64_t v, struct dl_type *t)
{
	unsigned shift = (unsigned)(64 - t->size * 8);

	if (t->is_bool)
		return v != 0;
	if (t->kind != DL_INT || t->size == 8)
		return v;
	return t->is_signed ? (uint64_t)((int64_t)(v << shift) >> shift) : v << shift >> shift;
}

static uint64_t eval(struct tree *t, const struct dl_node *n);

static bool is_unsigned_pair(struct dl_type *a, struct dl_type *b)
{
	unsigned ra = (unsigned)a->size * 2 + !a->is_signed;
	unsigned rb = (unsigned)b->size * 2 + !b->is_signed;

	return ra > rb ? !a->is_signed : !b->is_signed;
}

static uint64_t eval_binary(struct tree *t, const struct dl_node *n)
{
	uint64_t l, r;
	bool u;

	l = eval(t, n->left);
	if (n->op == DL_O_LAND)
		return l && eval(t, n->right);
	if (n->op == DL_O_LOR)
		return l || eval(t, n->right);
	r = eval(t, n->right);
	u = is_unsigned_pair(n->left->type, n->right->type);
	switch (n->op) {
	case DL_O_LXOR: return !l != !r;
	case DL_O_ADD: return l + r;
	case DL_O_SUB: return l - r;
	case DL_O_MUL: return l * r;
	case DL_O_DIV:
		if (!n->type->is_signed)
			return l / r;
		return r == ~0ull ? -l : (uint64_t)((int64_t)l / (int64_t)r);
	case DL_O_MOD:
		if (!n->type->is_signed)
			return l % r;
		return r == ~0ull ? 0 : (uint64_t)((int64_t)l % (int64_t)r);
	case DL_O_SHL: return l << (r & 63);
	case DL_O_SHR:
		if (n->left->type->is_signed)
			return (uint64_t)((int64_t)l >> (r & 63));
		return l >> (r & 63);
	case DL_O_AND: return l & r;
	case DL_O_OR: return l | r;
	case DL_O_XOR: return l ^ r;
	case DL_O_EQ: return l == r;
	case DL_O_NE: return l != r;
	case DL_O_LT: return u ? l < r : (int64_t)l < (int64_t)r;
	case DL_O_LE: return u ? l <= r : (int64_t)l <= (int64_t)r;
	case DL_O_GT: return u ? l > r : (int64_t)l > (int64_t)r;
	default: return u ? l >= r : (int64_t)l >= (int64_t)r;
	}
}

static uint64_t eval_incdec(struct tree *t, const struct dl_node *n)
{
	unsigned i = (unsigned)(n->left->ident - t->idents);
	uint64_t old = fake.vars[i];
	bool down = n->op == DL_O_PREDEC || n->op == DL_O_POSTDEC;

	fake.vars[i] = fit(down ? old - n->value : old + n->value, n->left->type);
	return n->op == DL_O_POSTINC || n->op == DL_O_POSTDEC ? old : fake.vars[i];
}

static uint64_t eval_load(struct tree *t, const struct dl_node *n)
{
	uint64_t addr = eval(t, n->left), v = 0;

	assert_true(addr >= BASE && addr + n->type->size <= BASE + SIZE);
	memcpy(&v, fake.mem + (addr - BASE), n->type->size);
	return fit(v, n->type);
}

static uint64_t let_values[64];

static uint64_t eval(struct tree *t, const struct dl_node *n)
{
	switch (n->kind) {
	case DL_N_INT: return n->value;
	case DL_N_ARG: return fake.args[n->value];
	case DL_N_UREG: return n->value * 1000;
	case DL_N_VAR: return fake.vars[n->ident - t->idents];
	case DL_N_LET: let_values[n->let_id] = eval(t, n->left); return eval(t, n->right);
	case DL_N_LETVAR: return let_values[n->let_id];
	case DL_N_UNARY:
		if (n->op == DL_O_NOT)
			return !eval(t, n->left);
		return n->op == DL_O_NEG ? -eval(t, n->left) : ~eval(t, n->left);
	case DL_N_BINARY: return eval_binary(t, n);
	case DL_N_COND: return eval(t, n->left) ? eval(t, n->right) : eval(t, n->third);
	case DL_N_CAST: return fit(eval(t, n->left), n->type);
	case DL_N_DEREF: return eval_load(t, n);
	case DL_N_INCDEC: return eval_incdec(t, n);
	case DL_N_ASSIGN: return fake.vars[n->left->ident - t->idents] = eval(t, n->right);
	case DL_N_COMMA: eval(t, n->left); return eval(t, n->right);
	default: fail(); return 0;
	}
}

/* --- random trees --- */

struct making {
	struct tree *t;
	struct dl_ident *vars[N_VARS];
	uint32_t n_lets;
	uint32_t in_scope; /* LETs one may refer to: the last ones begun */
};

static struct dl_type *any_type(struct tree *t)
{
	static const enum dl_basic types[] = { DL_T_CHAR, DL_T_UCHAR, DL_T_SHORT, DL_T_INT,
					       DL_T_UINT, DL_T_LONG,  DL_T_ULONG };

	return ty(t, types[below(ARRAY_SIZE(types))]);
}

static struct dl_node *any_expr(struct making *m, unsigned depth);

static struct dl_node *any_leaf(struct making *m)
{
	static const int64_t numbers[] = { 0, 1, -1, 7, 255, 1ll << 31, 1ll << 62, INT64_MIN };

	switch (below(4)) {
	case 0: return num(m->t, numbers[below(ARRAY_SIZE(numbers))]);
	case 1: return varref(m->t, m->vars[below(N_VARS)]);
	default: return arg(m->t, below(N_ARGS));
	}
}

/* Somewhere in the memory there is: BASE + (e & mask) */
static struct dl_node *any_load(struct making *m, unsigned depth)
{
	struct tree *t = m->t;
	struct dl_type *l = ty(t, DL_T_LONG);
	struct dl_node *at = bin(t, DL_O_AND, l, any_expr(m, depth), num(t, 0x7ff));

	return deref(t, any_type(t), bin(t, DL_O_ADD, l, at, num(t, BASE)));
}

static struct dl_node *any_binary(struct making *m, unsigned depth)
{
	struct tree *t = m->t;
	struct dl_node *l = any_expr(m, depth), *r = any_expr(m, depth);
	enum dl_oper op = below(DL_O_ASSIGN);
	struct dl_type *type =
		is_unsigned_pair(l->type, r->type) ? ty(t, DL_T_ULONG) : ty(t, DL_T_LONG);

	if (op == DL_O_DIV || op == DL_O_MOD)
		r = bin(t, DL_O_OR, r->type, r, num(t, 1));
	if (op >= DL_O_LAND)
		type = ty(t, DL_T_INT);
	return bin(t, op, type, l, r);
}

static struct dl_node *any_effect(struct making *m, unsigned depth)
{
	struct tree *t = m->t;
	struct dl_ident *v = m->vars[below(N_VARS)];
	struct dl_node *n;

	if (below(2))
		return assign(t, varref(t, v), cast(t, v->type, any_expr(m, depth)));
	n = un(t, DL_N_INCDEC, v->type, varref(t, v));
	n->op = (enum dl_oper)(DL_O_PREINC + below(4));
	n->value = 1 + below(3);
	return n;
}

static struct dl_node *any_let(struct making *m, unsigned depth)
{
	struct dl_node *value = any_expr(m, depth), *in;
	struct dl_type *type = value->type;
	uint32_t id;

	if (m->n_lets >= 60)
		return value;
	id = m->n_lets++;
	in = bin(m->t, DL_O_ADD, ty(m->t, DL_T_LONG), letvar(m->t, id, type),
		 bin(m->t, DL_O_XOR, ty(m->t, DL_T_LONG), any_expr(m, depth),
		     letvar(m->t, id, type)));
	return let(m->t, id, value, in);
}

static struct dl_node *any_expr(struct making *m, unsigned depth)
{
	struct tree *t = m->t;
	struct dl_node *n;

	if (depth == 0)
		return any_leaf(m);
	switch (below(10)) {
	case 0: return cast(t, any_type(t), any_expr(m, depth - 1));
	case 1:
		n = un(t, DL_N_UNARY, ty(t, DL_T_LONG), any_expr(m, depth - 1));
		n->op = below(3) ? below(2) ? DL_O_NEG : DL_O_COM : DL_O_NOT;
		return n;
	case 2:
		n = un(t, DL_N_COND, ty(t, DL_T_LONG), any_expr(m, depth - 1));
		n->right = any_expr(m, depth - 1);
		n->third = any_expr(m, depth - 1);
		return n;
	case 3: return any_load(m, depth - 1);
	case 4: return below(3) ? any_binary(m, depth - 1) : any_effect(m, depth - 1);
	case 5: return any_let(m, depth - 1);
	default: return any_binary(m, depth - 1);
	}
}

static void fill_fake(void)
{
	for (unsigned i = 0; i < N_ARGS; i++)
		fake.args[i] = below(2) ? next_random() : below(5);
	for (unsigned i = 0; i < SIZE; i++)
		fake.mem[i] = (uint8_t)next_random();
	memset(fake.vars, 0, sizeof(fake.vars));
}

static struct dl_node *list3(struct dl_node *a, struct dl_node *b, struct dl_node *c)
{
	a->next = b;
	b->next = c;
	return a;
}

static void make_vars(struct making *m)
{
	static const struct {
		enum dl_scope scope;
		enum dl_basic type;
		struct dl_value_desc value;
	} vars[N_VARS] = {
		{ DL_SCOPE_GLOBAL, DL_T_LONG, { .kind = DL_VK_INT, .size = 8, .is_signed = true } },
		{ DL_SCOPE_THIS, DL_T_UINT, { .kind = DL_VK_INT, .size = 4 } },
		{ DL_SCOPE_SELF, DL_T_CHAR, { .kind = DL_VK_INT, .size = 1, .is_signed = true } },
	};

	for (unsigned i = 0; i < N_VARS; i++)
		m->vars[i] =
			var_new(m->t, vars[i].scope, "v", ty(m->t, vars[i].type), vars[i].value);
}

static void test_random_expressions_have_their_value(void **state)
{
	unsigned n_far = 0, n_near = 0;

	(void)state;
	fake.seed = 0x9e3779b97f4a7c15ull;
	for (unsigned round = 0; round < 3000; round++) {
		struct making m = { .t = tree_new() };
		struct dl_node *e, *first;
		struct result r;
		uint64_t want;

		fill_fake();
		make_vars(&m);
		first = expr(m.t, assign(m.t, varref(m.t, m.vars[0]), arg(m.t, 1)));
		e = any_expr(&m, 1 + round % 6);
		eval(m.t, first->left);
		want = eval(m.t, e);
		first->next = trace_int(m.t, e);
		r = run(m.t, NULL, first);
		if (word(&r) != want) {
			struct dl_program p = { .clauses = &m.t->out, .n_clauses = 1 };

			dl_program_disasm(&m.t->text, &p);
			print_message("round %u\n%s", round, strbuf_text(&m.t->text));
		}
		assert_true(word(&r) == want);
		n_far += m.t->out.needs_stop != NULL;
		n_near += m.t->out.n_slots > 0;
		tree_free(m.t);
	}
	assert_true(n_far > 50);
	assert_true(n_near > 1000);
}

static struct dl_node *any_body(struct making *m, unsigned depth)
{
	struct dl_node *list = NULL;

	for (unsigned i = 1 + below(3); i > 0; i--) {
		struct dl_node *n;

		if (depth && below(3) == 0) {
			n = un(m->t, DL_N_IF, NULL, any_expr(m, 2));
			n->body = any_body(m, depth - 1);
			n->else_body = below(2) ? any_body(m, depth - 1) : NULL;
		} else {
			n = expr(m->t, any_effect(m, 2));
		}
		n->next = list;
		list = n;
	}
	return list;
}

static void exec(struct tree *t, const struct dl_node *list)
{
	for (; list; list = list->next) {
		if (list->kind == DL_N_EXPR)
			eval(t, list->left);
		else
			exec(t, eval(t, list->left) ? list->body : list->else_body);
	}
}

/* What codegen knows of variables must be true on every path. */
static void test_random_statements_leave_the_variables_right(void **state)
{
	(void)state;
	fake.seed = 0xd1b54a32d192ed03ull;
	for (unsigned round = 0; round < 2000; round++) {
		struct making m = { .t = tree_new() };
		struct dl_node *body, *last, *sum;
		struct result r;
		uint64_t want;

		fill_fake();
		make_vars(&m);
		body = last = any_body(&m, 2);
		while (last->next)
			last = last->next;
		sum = any_load(&m, 2);
		for (unsigned i = 0; i < N_VARS; i++)
			sum = bin(m.t, DL_O_ADD, ty(m.t, DL_T_LONG), sum,
				  bin(m.t, DL_O_MUL, ty(m.t, DL_T_LONG), varref(m.t, m.vars[i]),
				      num(m.t, 1000003 * (i + 1))));
		exec(m.t, body);
		last->next = trace_int(m.t, sum);
		want = eval(m.t, sum);
		r = run(m.t, NULL, body);
		assert_true(word(&r) == want);
		tree_free(m.t);
	}
}

static void test_random_predicates_decide(void **state)
{
	unsigned n_dropped = 0;

	(void)state;
	fake.seed = 0x2545f4914f6cdd1dull;
	for (unsigned round = 0; round < 2000; round++) {
		struct making m = { .t = tree_new() };
		struct dl_type *i = ty(m.t, DL_T_INT);
		struct dl_node *pred;
		struct result r;
		bool want;

		fill_fake();
		make_vars(&m);
		pred = any_expr(&m, round % 3);
		for (unsigned k = round % 4; k > 0; k--)
			pred = below(2) ? bin(m.t, DL_O_LAND, i, pred, any_expr(&m, 2)) :
					  bin(m.t, DL_O_LAND, i, any_expr(&m, 2), pred);
		want = eval(m.t, pred) != 0;
		r = run(m.t, pred, trace_int(m.t, num(m.t, 1)));
		assert_false(r.has_fault);
		assert_int_equal(r.n_items, want);
		n_dropped += !r.fired;
		tree_free(m.t);
	}
	assert_true(n_dropped > 50);
}

/* --- memory and faults --- */

static struct dl_node *copyin_of(struct tree *t, struct dl_node *len)
{
	return call(t, DL_SUBR_COPYIN, ty(t, DL_T_VOIDPTR), arg(t, 0), len, NULL);
}

static void test_a_fault_waits_for_the_use(void **state)
{
	struct tree *t = *state;
	struct dl_node *n = un(t, DL_N_IF, NULL, arg(t, 1));
	struct result r;

	n->body = trace_int(t, deref(t, ty(t, DL_T_INT), arg(t, 0)));
	fake.args[0] = 0x40;
	fake.args[1] = 0;
	r = run(t, NULL, n);
	assert_false(r.has_fault);
	fake.args[1] = 1;
	r = run(t, NULL, n);
	assert_true(r.has_fault);
	assert_int_equal(r.fault.fault, DL_FLT_BADADDR);
	assert_int_equal(r.fault.addr, 0x40);
	assert_int_equal(r.fault.action, 1);
}

static void test_copied_in_bytes_are_the_programs_own(void **state)
{
	struct tree *t = *state;
	struct dl_type *c = ty(t, DL_T_CHAR);
	struct dl_ident *b = var_new(t, DL_SCOPE_THIS, "b", ty(t, DL_T_CHARPTR), vint(8, false));
	struct dl_node *at = bin(t, DL_O_ADD, ty(t, DL_T_CHARPTR), varref(t, b), num(t, 1));
	struct result r;

	memcpy(fake.mem, "abcdefgh", 8);
	fake.args[0] = BASE;
	fake.args[1] = 8;
	r = run(t, NULL,
		list3(expr(t, assign(t, varref(t, b), copyin_of(t, arg(t, 1)))),
		      expr(t, assign(t, deref(t, c, at), num(t, 'X'))),
		      trace(t, un(t, DL_N_STRINGOF, ty(t, DL_T_STRING), varref(t, b)),
			    vkind(DL_VK_STRING, 256))));
	assert_null(t->out.needs_stop);
	assert_string_equal(text(&r), "aXcdefgh");
	assert_int_equal(fake.mem[1], 'b');
}

static void test_a_copyin_of_too_much_faults(void **state)
{
	struct tree *t = *state;
	struct result r;

	fake.args[0] = BASE;
	fake.args[1] = ~0ull;
	r = run(t, NULL, trace_int(t, cast(t, ty(t, DL_T_ULONG), copyin_of(t, arg(t, 1)))));
	assert_true(r.has_fault);
	assert_int_equal(r.fault.fault, DL_FLT_NOSCRATCH);
}

static void test_copyinstr_keeps_to_its_limit(void **state)
{
	struct tree *t = *state;
	struct dl_type *s = ty(t, DL_T_STRING);
	struct result r;

	strcpy((char *)fake.mem, "hello, world");
	fake.args[0] = BASE;
	fake.args[1] = 5;
	r = run(t, NULL,
		trace(t, call(t, DL_SUBR_COPYINSTR, s, arg(t, 0), arg(t, 1), NULL),
		      vkind(DL_VK_STRING, 256)));
	assert_memory_equal(text(&r), "hello\0\0\0", 4);
	assert_int_equal(r.data[0], 5);
	fake.args[1] = ~0ull;
	r = run(t, NULL,
		trace(t, call(t, DL_SUBR_COPYINSTR, s, arg(t, 0), arg(t, 1), NULL),
		      vkind(DL_VK_STRING, 256)));
	assert_int_equal(r.data[0], 12);
}

static void test_string_variables_copy(void **state)
{
	struct tree *t = *state;
	struct dl_type *s = ty(t, DL_T_STRING);
	struct dl_ident *v = var_new(t, DL_SCOPE_SELF, "s", s, vkind(DL_VK_STRING, 256));
	struct dl_node *join = call(t, DL_SUBR_STRJOIN, s, varref(t, v), str(t, "!"), NULL);
	struct result r;

	strcpy((char *)fake.mem, "hello");
	fake.args[0] = BASE;
	r = run(t, NULL,
		list3(expr(t, assign(t, varref(t, v), un(t, DL_N_STRINGOF, s, arg(t, 0)))),
		      expr(t, assign(t, varref(t, v), join)),
		      trace(t, varref(t, v), vkind(DL_VK_STRING, 256))));
	assert_string_equal(text(&r), "hello!");
}

static void test_an_index_out_of_bounds_faults(void **state)
{
	struct tree *t = *state;
	struct dl_node *index = un(t, DL_N_BOUNDS, ty(t, DL_T_LONG), arg(t, 1)), *e;
	struct result r;

	index->value = 10;
	e = deref(t, ty(t, DL_T_UCHAR), bin(t, DL_O_ADD, ty(t, DL_T_LONG), arg(t, 0), index));
	fake.args[0] = BASE;
	fake.args[1] = 9;
	fake.mem[9] = 77;
	r = run(t, NULL, trace_int(t, e));
	assert_int_equal(word(&r), 77);
	fake.args[1] = 10;
	r = run(t, NULL, trace_int(t, e));
	assert_true(r.has_fault);
	assert_int_equal(r.fault.fault, DL_FLT_BADINDEX);
}

static struct dl_node *bits_of(struct tree *t, struct dl_ident *v, unsigned off, unsigned bits)
{
	struct dl_node *n = member(t, ty(t, DL_T_UINT), varref(t, v), 4);

	n->bit_off = off;
	n->bits = bits;
	return n;
}

static void test_bit_fields_store_beside_one_another(void **state)
{
	struct tree *t = *state;
	struct dl_type *st = dl_type_new(t->c.types, DL_STRUCT, "s");
	struct dl_ident *v;
	struct dl_node *sum;
	struct result r;

	st->size = 8;
	v = var_new(t, DL_SCOPE_SELF, "s", st, vkind(DL_VK_BYTES, 8));
	sum = bin(t, DL_O_ADD, ty(t, DL_T_LONG), bits_of(t, v, 3, 5),
		  bin(t, DL_O_MUL, ty(t, DL_T_LONG), bits_of(t, v, 8, 20), num(t, 100)));
	r = run(t, NULL,
		list3(expr(t, assign(t, bits_of(t, v, 3, 5), num(t, 29))),
		      expr(t, assign(t, bits_of(t, v, 8, 20), num(t, 1234))), trace_int(t, sum)));
	assert_int_equal(word(&r), 29 + 123400);
}

static void test_members_of_new_elements_can_be_stored(void **state)
{
	struct tree *t = *state;
	struct dl_type *st = dl_type_new(t->c.types, DL_STRUCT, "s"), *l = ty(t, DL_T_LONG);
	struct dl_value_desc key = vint(8, true);
	struct dl_node *elem[3];
	struct dl_ident *v;
	struct result r;

	st->size = 16;
	v = var_new(t, DL_SCOPE_GLOBAL, "m", st, vkind(DL_VK_BYTES, 16));
	v->var->is_assoc = true;
	v->var->keys = &key;
	v->var->n_keys = 1;
	for (unsigned i = 0; i < 3; i++) {
		elem[i] = varref(t, v);
		elem[i]->args = num(t, 5);
	}
	r = run(t, NULL,
		list3(expr(t, assign(t, member(t, l, elem[0], 8), num(t, 41))),
		      expr(t, assign(t, member(t, l, elem[1], 0), num(t, 1))),
		      trace(t, elem[2], vkind(DL_VK_BYTES, 16))));
	assert_int_equal(r.len, 16);
	assert_int_equal(r.data[0], 1);
	assert_int_equal(r.data[8], 41);
}

static void test_strings_are_stored_into_char_arrays(void **state)
{
	struct tree *t = *state;
	struct dl_type *st = dl_type_new(t->c.types, DL_STRUCT, "s");
	struct dl_type *a = dl_type_array(t->c.types, ty(t, DL_T_CHAR), 8);
	struct dl_ident *v;
	struct result r;

	st->size = 16;
	v = var_new(t, DL_SCOPE_GLOBAL, "s", st, vkind(DL_VK_BYTES, 16));
	r = run(t, NULL,
		list3(expr(t, assign(t, member(t, a, varref(t, v), 8), str(t, "0123456789"))),
		      expr(t, assign(t, member(t, a, varref(t, v), 0), str(t, "ab"))),
		      trace(t, varref(t, v), vkind(DL_VK_BYTES, 16))));
	assert_memory_equal(r.data,
			    "ab\0\0\0\0\0\0"
			    "0123456\0",
			    16);
}

static int make(void **state)
{
	*state = tree_new();
	memset(&fake, 0, sizeof(fake));
	return 0;
}

static int unmake(void **state)
{
	tree_free(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_expressions_have_their_value),
		cmocka_unit_test(test_random_statements_leave_the_variables_right),
		cmocka_unit_test(test_random_predicates_decide),
		TEST(test_a_fault_waits_for_the_use),
		TEST(test_copied_in_bytes_are_the_programs_own),
		TEST(test_a_copyin_of_too_much_faults),
		TEST(test_copyinstr_keeps_to_its_limit),
		TEST(test_string_variables_copy),
		TEST(test_an_index_out_of_bounds_faults),
		TEST(test_bit_fields_store_beside_one_another),
		TEST(test_members_of_new_elements_can_be_stored),
		TEST(test_strings_are_stored_into_char_arrays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

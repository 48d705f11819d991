/*
 * The split between near and far.
 *
 * Near can compute what is built from probe arguments, registers, constants,
 * operators that cannot fail and loads of target memory, as long as its few
 * registers suffice.  The largest such expressions are the inputs of the
 * record; equal ones share a slot.
 *
 * Rules that hold here:
 *  - inputs have no side effects, so that computing them early, and though a
 *    condition may turn out false, changes nothing: faults wait for the use;
 *  - when the clause writes the target's memory nothing is read ahead;
 *  - BOUNDS does nothing in near; far repeats the check before it reads the
 *    slot, so it may not stand under a condition;
 *  - copyin(a, n) is just a where only bytes below n are loaded;
 *  - a variable that the clause has assigned such an expression stands for it,
 *    as in this->p = (struct foo *)arg0; trace(this->p->x).
 */
#include "codegen.h"

#include <string.h>

/* Nodes looked at, LETs expanded: bounds the work and the recursion. */
#define MAX_NODES 512
/* Arguments from this one on may lie on the stack. */
#define FIRST_STACK_ARG 6

struct walk {
	struct gen *g;
	unsigned left;
};

struct cg_let *cg_let_find(struct gen *g, uint32_t id)
{
	for (uint32_t i = 0; i < g->n_lets; i++)
		if (g->lets[i].let->let_id == id)
			return &g->lets[i];
	return NULL;
}

static const struct dl_node *known_value(struct gen *g, const struct dl_node *n)
{
	if (!cg_is_var(n) || n->ident->var->is_assoc)
		return NULL;
	return cg_known_of(g, cg_var_index(g, n->ident->var)).near;
}

const struct dl_node *cg_resolve(struct gen *g, const struct dl_node *n)
{
	for (unsigned i = 0; n && n->kind == DL_N_LETVAR && i < MAX_NODES; i++) {
		const struct cg_let *let = cg_let_find(g, n->let_id);

		if (!let || let->is_bound)
			return n;
		n = let->near ? let->near : let->let->left;
	}
	if (n && n->kind == DL_N_VAR) {
		const struct dl_node *value = known_value(g, n);

		return value ? value : n;
	}
	return n;
}

/* near_ok() has bounded the number of nodes. */
const struct dl_node *cg_snapshot(struct gen *g, const struct dl_node *n)
{
	struct dl_node *copy;

	n = n ? cg_resolve(g, n) : NULL;
	if (!n)
		return NULL;
	/* What is bound is used up, what is dropped had no effects. */
	if (n->kind == DL_N_LET || n->kind == DL_N_COMMA)
		return cg_snapshot(g, n->right);
	copy = arena_alloc(g->c->arena, sizeof(*copy));
	*copy = *n;
	copy->left = (struct dl_node *)(uintptr_t)cg_snapshot(g, n->left);
	copy->right = (struct dl_node *)(uintptr_t)cg_snapshot(g, n->right);
	copy->third = (struct dl_node *)(uintptr_t)cg_snapshot(g, n->third);
	copy->args = (struct dl_node *)(uintptr_t)cg_snapshot(g, n->args);
	copy->next = NULL;
	if (n->args && n->args->next) /* copyin(a, n) */
		copy->args->next = (struct dl_node *)(uintptr_t)cg_snapshot(g, n->args->next);
	return copy;
}

uint64_t cg_leaf_index(const struct dl_node *n)
{
	return n->left && n->left->kind == DL_N_INT ? n->left->value : n->value;
}

/* --- what can near compute? --- */

static bool look(struct walk *w, const struct dl_node *n, struct cg_near *f);

static bool near_type(struct dl_type *t)
{
	enum cg_class class = cg_class_of(t);

	return class == CG_SCALAR || (class == CG_ADDRESS && !dl_type_is_string(t));
}

static void merge(struct cg_near *f, const struct cg_near *other)
{
	f->touches |= other->touches;
	f->loads |= other->loads;
	f->bounds |= other->bounds;
	if (other->need > f->need)
		f->need = other->need;
}

/* The address that a load of bytes up to end goes through: copyin() looked through. */
static const struct dl_node *load_base(struct gen *g, const struct dl_node *addr, uint64_t end)
{
	const struct dl_node *n = cg_resolve(g, addr);

	if (end == 0)
		return addr;
	while (n && n->kind == DL_N_CAST && cg_size_of(g, n->type) == 8)
		n = cg_resolve(g, n->left);
	if (n && n->kind == DL_N_CALL && n->ident && n->ident->subr == DL_SUBR_COPYIN && n->args &&
	    n->args->next && n->args->next->kind == DL_N_INT && n->args->next->value >= end)
		return n->args;
	return addr;
}

/* Address of the object n; end: bytes of it that are loaded, 0 = only the address is wanted. */
static bool look_lvalue(struct walk *w, const struct dl_node *n, uint64_t end, struct cg_near *f)
{
	struct cg_near unused;

	n = cg_resolve(w->g, n);
	if (!n || w->left == 0)
		return false;
	w->left--;
	switch (n->kind) {
	case DL_N_DEREF: return look(w, load_base(w->g, n->left, end), f);
	case DL_N_MEMBER:
		if (n->value > CG_MAX_OFFSET)
			return false;
		if (end)
			end += n->value;
		return look_lvalue(w, n->left, end, f);
	case DL_N_LET: return look(w, n->left, &unused) && look_lvalue(w, n->right, end, f);
	case DL_N_CAST:
		return cg_class_of(n->type) == CG_ADDRESS && look_lvalue(w, n->left, end, f);
	default: return false;
	}
}

/* DEREF and MEMBER: the value of a scalar, the address of the rest. */
static bool look_object(struct walk *w, const struct dl_node *n, struct cg_near *f)
{
	struct cg_field field;

	if (cg_class_of(n->type) == CG_ADDRESS)
		return look_lvalue(w, n, 0, f);
	if (cg_class_of(n->type) != CG_SCALAR || w->g->writes_memory)
		return false;
	field = cg_field_of(w->g, n);
	if (field.is_split || !look_lvalue(w, n, field.off + field.size, f))
		return false;
	f->touches = f->loads = true;
	if (field.bits && f->need < 2) /* the shift */
		f->need = 2;
	return true;
}

static bool look_binary(struct walk *w, const struct dl_node *n, struct cg_near *f)
{
	struct cg_near other = { 0 };
	bool lazy = n->op == DL_O_LAND || n->op == DL_O_LOR;
	unsigned l, r;

	if (n->op == DL_O_DIV || n->op == DL_O_MOD || n->op >= DL_O_ASSIGN)
		return false;
	if (!near_type(n->left->type) || !near_type(n->right->type))
		return false;
	if (!look(w, n->left, f) || !look(w, n->right, &other))
		return false;
	l = f->need;
	r = other.need;
	merge(f, &other);
	if (lazy)
		return !f->bounds;
	if (l == r)
		f->need = l + 1;
	return true;
}

static bool look_cond(struct walk *w, const struct dl_node *n, struct cg_near *f)
{
	struct cg_near a = { 0 }, b = { 0 };

	if (!near_type(n->type) || !near_type(n->left->type))
		return false;
	if (!look(w, n->left, f) || !look(w, n->right, &a) || !look(w, n->third, &b))
		return false;
	merge(f, &a);
	merge(f, &b);
	return !f->bounds;
}

static bool look_leaf(const struct dl_node *n, struct cg_near *f)
{
	uint64_t i = cg_leaf_index(n);

	if (n->kind == DL_N_INT)
		return true;
	f->touches = true;
	f->loads = n->kind == DL_N_ARG && i >= FIRST_STACK_ARG;
	return i <= INT16_MAX;
}

static bool look_left(struct walk *w, const struct dl_node *n, struct cg_near *f)
{
	return near_type(n->left->type) && look(w, n->left, f);
}

static bool look(struct walk *w, const struct dl_node *n, struct cg_near *f)
{
	struct cg_near left;

	n = cg_resolve(w->g, n);
	if (!n || w->left == 0 || !near_type(n->type))
		return false;
	w->left--;
	*f = (struct cg_near){ .need = 1 };
	switch (n->kind) {
	case DL_N_INT:
	case DL_N_ARG:
	case DL_N_UREG: return look_leaf(n, f);
	case DL_N_UNARY: return n->op >= DL_O_NEG && n->op <= DL_O_NOT && look_left(w, n, f);
	case DL_N_CAST: return look_left(w, n, f);
	case DL_N_BINARY: return look_binary(w, n, f);
	case DL_N_COND: return look_cond(w, n, f);
	case DL_N_COMMA:
	case DL_N_LET:
		if (!look(w, n->left, &left) || !look(w, n->right, f))
			return false;
		f->bounds |= left.bounds;
		return true;
	case DL_N_DEREF:
	case DL_N_MEMBER: return look_object(w, n, f);
	case DL_N_ADDROF: return look_lvalue(w, n->left, 0, f);
	case DL_N_BOUNDS:
		if (!look_left(w, n, f))
			return false;
		f->bounds = true;
		return true;
	default: return false;
	}
}

bool cg_near_ok(struct gen *g, const struct dl_node *n, struct cg_near *ret)
{
	struct walk w = { g, MAX_NODES };

	*ret = (struct cg_near){ 0 };
	return look(&w, n, ret) && ret->need <= NEAR_REGS;
}

static bool lvalue_ok(struct gen *g, const struct dl_node *n, uint64_t size, struct cg_near *ret)
{
	struct walk w = { g, MAX_NODES };

	*ret = (struct cg_near){ 0 };
	return look_lvalue(&w, n, size, ret) && ret->need <= NEAR_REGS;
}

unsigned cg_near_need(struct gen *g, const struct dl_node *n)
{
	struct cg_near f;

	return cg_near_ok(g, n, &f) ? f.need : NEAR_REGS;
}

/* --- sharing --- */

static bool same_type(struct gen *g, struct dl_type *a, struct dl_type *b)
{
	return cg_class_of(a) == cg_class_of(b) && cg_size_of(g, a) == cg_size_of(g, b) &&
	       cg_is_signed(a) == cg_is_signed(b) &&
	       dl_type_base(a)->is_bool == dl_type_base(b)->is_bool;
}

/* Do a and b compute the same?  Both can be computed by near (or are copyin() of such). */
static bool same(struct gen *g, const struct dl_node *a, const struct dl_node *b)
{
	a = a ? cg_resolve(g, a) : NULL;
	b = b ? cg_resolve(g, b) : NULL;
	if (a == b)
		return true;
	if (!a || !b || a->kind != b->kind || a->op != b->op)
		return false;
	if (a->type && b->type && !same_type(g, a->type, b->type))
		return false;
	switch (a->kind) {
	case DL_N_INT: return a->value == b->value;
	case DL_N_ARG:
	case DL_N_UREG: return cg_leaf_index(a) == cg_leaf_index(b);
	case DL_N_LETVAR:
	case DL_N_LET: return false;
	case DL_N_CALL:
		return a->ident == b->ident && same(g, a->args, b->args) &&
		       same(g, a->args ? a->args->next : NULL, b->args ? b->args->next : NULL);
	default:
		return a->value == b->value && a->bit_off == b->bit_off && a->bits == b->bits &&
		       same(g, a->left, b->left) && same(g, a->right, b->right) &&
		       same(g, a->third, b->third);
	}
}

static bool find_input(struct gen *g, const struct cg_input *in, uint32_t *slot_ret)
{
	for (uint32_t i = 0; i < g->n_inputs; i++) {
		const struct cg_input *o = &g->inputs[i];

		if (o->kind == in->kind && o->a_is_lvalue == in->a_is_lvalue &&
		    o->limit == in->limit && same(g, o->a, in->a) && same(g, o->n, in->n)) {
			*slot_ret = i;
			return true;
		}
	}
	return false;
}

/* --- near code of an input --- */

static unsigned gen_address(struct gen *g, const struct cg_input *in)
{
	uint64_t off;
	unsigned r;

	if (!in->a_is_lvalue)
		return cg_expr(g, in->a);
	r = cg_addr(g, in->a, &off);
	cg_add_offset(g, r, off);
	return r;
}

static unsigned gen_length(struct gen *g, const struct cg_input *in)
{
	unsigned r;

	if (!in->n) {
		r = cg_push(g);
		cg_load_const(g, r, in->limit);
		return r;
	}
	r = cg_expr(g, in->n);
	if (in->kind == CG_IN_STRN) { /* the NUL counts; -1, as unsigned, is no limit */
		uint32_t jump;

		cg_emit(g, DL_OP_ADDI, r, r, 0, 1);
		jump = cg_jump(g, DL_OP_JNZ, r);
		cg_load_const(g, r, ~0ull);
		cg_patch(g, jump);
	}
	return r;
}

static void gen_input(struct gen *g, const struct cg_input *in, uint32_t slot)
{
	unsigned a, b = 0;

	g->cur = &g->near;
	if (in->kind == CG_IN_SCALAR || in->kind == CG_IN_STR) {
		a = cg_expr(g, in->a);
	} else if (in->n && cg_near_need(g, in->n) > 1) {
		b = gen_length(g, in);
		a = gen_address(g, in);
	} else {
		a = gen_address(g, in);
		b = gen_length(g, in);
	}
	if (in->kind == CG_IN_SCALAR)
		cg_emit(g, DL_OP_NSLOT, a, 0, 0, (int32_t)slot);
	else if (in->kind == CG_IN_STR)
		cg_emit(g, DL_OP_NCAPS, a, 0, 0, (int32_t)slot);
	else if (in->kind == CG_IN_STRN)
		cg_emit(g, DL_OP_NCAPSN, a, b, 0, (int32_t)slot);
	else
		cg_emit(g, DL_OP_NCAPM, a, b, 0, (int32_t)slot);
	cg_pop(g, 0);
	g->cur = &g->far;
}

/* Far checks what near took for granted. */
static void gen_bounds(struct gen *g, const struct dl_node *n, unsigned depth)
{
	n = n ? cg_resolve(g, n) : NULL;
	if (!n || depth > MAX_NODES)
		return;
	if (n->kind == DL_N_BOUNDS) {
		cg_drop(g, n);
		return;
	}
	gen_bounds(g, n->left, depth + 1);
	gen_bounds(g, n->right, depth + 1);
	gen_bounds(g, n->third, depth + 1);
}

/* The slot of the input, new or shared; false if there is no more room. */
static bool add_input(struct gen *g, const struct cg_input *in, bool bounds, uint32_t *slot_ret)
{
	if (bounds) {
		gen_bounds(g, in->a, 0);
		gen_bounds(g, in->n, 0);
	}
	if (find_input(g, in, slot_ret))
		return true;
	if (g->n_inputs == NEAR_SLOTS_MAX) {
		cg_needs_stop(g, "more than %d inputs", NEAR_SLOTS_MAX);
		return false;
	}
	*slot_ret = g->n_inputs;
	gen_input(g, in, *slot_ret);
	g->inputs[g->n_inputs] = *in;
	g->inputs[g->n_inputs].a = cg_snapshot(g, in->a);
	g->inputs[g->n_inputs].n = cg_snapshot(g, in->n);
	g->n_inputs++;
	return true;
}

static bool read_input(struct gen *g, const struct cg_input *in, bool bounds, unsigned *ret)
{
	uint32_t slot;

	if (!add_input(g, in, bounds, &slot))
		return false;
	*ret = cg_push(g);
	cg_emit(g, in->kind == CG_IN_SCALAR ? DL_OP_IN : DL_OP_INP, *ret, 0, 0, (int32_t)slot);
	return true;
}

bool cg_input_scalar(struct gen *g, const struct dl_node *n, unsigned *ret)
{
	struct cg_input in = { .kind = CG_IN_SCALAR, .a = n };
	struct cg_near f;

	/* BOUNDS is far's; what it checks may be an input. */
	if (g->cur->is_near || n->kind == DL_N_BOUNDS || !cg_near_ok(g, n, &f) || !f.touches)
		return false;
	return read_input(g, &in, f.bounds, ret);
}

/* Registers for an address that needs a and a length that needs b. */
static bool both_fit(unsigned a, unsigned b)
{
	return (b > 1 ? a + 1 : a) <= NEAR_REGS && (b > 1 ? b : 2) <= NEAR_REGS;
}

static bool may_capture(struct gen *g)
{
	return !g->cur->is_near && !g->writes_memory;
}

bool cg_input_string(struct gen *g, const struct dl_node *addr, unsigned *ret)
{
	struct cg_input in = { .kind = CG_IN_STR, .a = addr };
	struct cg_near f;

	if (!may_capture(g) || !cg_near_ok(g, addr, &f))
		return false;
	return read_input(g, &in, f.bounds, ret);
}

bool cg_input_string_n(struct gen *g, const struct dl_node *addr, const struct dl_node *n,
		       unsigned *ret)
{
	struct cg_input in = { .kind = CG_IN_STRN, .a = addr, .n = n };
	struct cg_near f, fn;

	if (n->kind == DL_N_INT) { /* the NUL counts */
		in.limit = n->value + (n->value != UINT64_MAX);
		in.n = NULL;
	}
	if (!may_capture(g) || !cg_near_ok(g, addr, &f) || !cg_near_ok(g, n, &fn))
		return false;
	if (!both_fit(f.need, fn.need))
		return false;
	return read_input(g, &in, f.bounds || fn.bounds, ret);
}

bool cg_input_mem_slot(struct gen *g, const struct dl_node *addr, const struct dl_node *n,
		       uint64_t size, uint32_t *slot_ret)
{
	struct cg_input in = { .kind = CG_IN_MEM, .a = addr, .n = n, .limit = size };
	struct cg_near f, fn = { .need = 1 };

	if (n && n->kind == DL_N_INT) {
		in.limit = n->value;
		in.n = NULL;
	}
	if (!in.n && in.limit > NEAR_CAP_MAX)
		return false;
	if (!may_capture(g) || !cg_near_ok(g, addr, &f) || (in.n && !cg_near_ok(g, in.n, &fn)))
		return false;
	if (!both_fit(f.need, fn.need))
		return false;
	return add_input(g, &in, f.bounds || fn.bounds, slot_ret);
}

bool cg_input_mem(struct gen *g, const struct dl_node *addr, const struct dl_node *n, uint64_t size,
		  unsigned *ret)
{
	uint32_t slot;

	if (!cg_input_mem_slot(g, addr, n, size, &slot))
		return false;
	*ret = cg_push(g);
	cg_emit(g, DL_OP_INP, *ret, 0, 0, (int32_t)slot);
	return true;
}

bool cg_input_object(struct gen *g, const struct dl_node *n, uint64_t size, bool is_string,
		     unsigned *ret)
{
	struct cg_input in = { .kind = is_string ? CG_IN_STRN : CG_IN_MEM,
			       .a = n,
			       .a_is_lvalue = true,
			       .limit = is_string ? size + 1 : size };
	struct cg_near f;

	if (size == 0 || size > NEAR_CAP_MAX)
		return false;
	if (!may_capture(g) || !lvalue_ok(g, n, size, &f) || !both_fit(f.need, 1))
		return false;
	return read_input(g, &in, f.bounds, ret);
}

/* --- the predicate --- */

/* Flattens a && b && c; when list is full the rest stays one expression. */
static void add_conjuncts(const struct dl_node *n, const struct dl_node **list, uint32_t max,
			  uint32_t *count)
{
	while (n->kind == DL_N_BINARY && n->op == DL_O_LAND && *count + 1 < max) {
		if (*count + 2 < max)
			add_conjuncts(n->left, list, max - 1, count);
		else
			list[(*count)++] = n->left;
		n = n->right;
	}
	list[(*count)++] = n;
}

static void gen_near_test(struct gen *g, const struct dl_node *n)
{
	uint32_t jump;
	unsigned r;

	if (n->kind == DL_N_INT && n->value)
		return;
	g->cur = &g->near;
	r = cg_expr(g, n);
	jump = cg_jump(g, DL_OP_JNZ, r);
	cg_emit(g, DL_OP_NREC, 0, 0, 0, 0);
	cg_patch(g, jump);
	cg_pop(g, 0);
	g->cur = &g->far;
}

void cg_near_predicate(struct gen *g, const struct dl_node *pred, const struct dl_node **conjuncts,
		       uint32_t max, uint32_t *n_ret)
{
	uint32_t n = 0, first = 0;
	struct cg_near f;

	*n_ret = 0;
	g->cur = &g->far;
	if (!pred)
		return;
	add_conjuncts(pred, conjuncts, max, &n);
	while (first < n && cg_class_of(conjuncts[first]->type) == CG_SCALAR &&
	       cg_near_ok(g, conjuncts[first], &f) && !f.loads && !f.bounds)
		gen_near_test(g, conjuncts[first++]);
	memmove(conjuncts, conjuncts + first, (n - first) * sizeof(*conjuncts));
	*n_ret = n - first;
}

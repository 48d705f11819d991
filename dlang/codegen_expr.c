/*
 * Expressions.
 *
 * The same code serves near and far.  In far every expression is first
 * offered as an input (codegen_near.c); only what near can't do is taken
 * apart here.  In near only what cg_near_ok() let through comes here.
 *
 * An expression is wanted in one of four forms.  BYTES and STRING say that
 * memory is read right away, so that near may capture it; VALUE of an array
 * or struct is its address and reads nothing.
 */
#include "codegen.h"

#include <string.h>

enum want { WANT_VALUE, WANT_DOUBLE, WANT_BYTES, WANT_STRING };

static unsigned gen(struct gen *g, const struct dl_node *n, enum want want, uint64_t size);

unsigned cg_expr(struct gen *g, const struct dl_node *n)
{
	return gen(g, n, WANT_VALUE, 0);
}

unsigned cg_double(struct gen *g, const struct dl_node *n)
{
	return gen(g, n, WANT_DOUBLE, 0);
}

unsigned cg_bytes(struct gen *g, const struct dl_node *n, uint64_t size)
{
	return gen(g, n, WANT_BYTES, size);
}

unsigned cg_string(struct gen *g, const struct dl_node *n)
{
	return gen(g, n, WANT_STRING, 0);
}

void cg_drop(struct gen *g, const struct dl_node *n)
{
	cg_pop(g, cg_expr(g, n));
}

/* --- operators --- */

/* D's rule: the wider type wins, at equal width the unsigned one. */
static bool compares_unsigned(struct gen *g, struct dl_type *a, struct dl_type *b)
{
	bool sa = cg_is_signed(a), sb = cg_is_signed(b);
	uint64_t na = cg_size_of(g, a), nb = cg_size_of(g, b);

	if (cg_class_of(a) == CG_ADDRESS || cg_class_of(b) == CG_ADDRESS)
		return true;
	if (na == nb)
		return !sa || !sb;
	return na > nb ? !sa : !sb;
}

static enum dl_op arith_op(struct gen *g, const struct dl_node *n)
{
	bool u;

	switch (n->op) {
	case DL_O_ADD: return DL_OP_ADD;
	case DL_O_SUB: return DL_OP_SUB;
	case DL_O_MUL: return DL_OP_MUL;
	case DL_O_DIV: return cg_is_signed(n->type) ? DL_OP_DIVS : DL_OP_DIVU;
	case DL_O_MOD: return cg_is_signed(n->type) ? DL_OP_MODS : DL_OP_MODU;
	case DL_O_SHL: return DL_OP_SHL;
	case DL_O_SHR: return cg_is_signed(n->left->type) ? DL_OP_SRA : DL_OP_SHR;
	case DL_O_AND: return DL_OP_AND;
	case DL_O_OR: return DL_OP_OR;
	case DL_O_XOR: return DL_OP_XOR;
	case DL_O_EQ: return DL_OP_EQ;
	case DL_O_NE: return DL_OP_NE;
	case DL_O_LT:
	case DL_O_GT:
		u = compares_unsigned(g, n->left->type, n->right->type);
		return u ? DL_OP_LTU : DL_OP_LTS;
	case DL_O_LE:
	case DL_O_GE:
		u = compares_unsigned(g, n->left->type, n->right->type);
		return u ? DL_OP_LEU : DL_OP_LES;
	default:
		cg_fail(g, D_UNKNOWN, n->range, "internal error: operator in code generation");
		return DL_OP_NOP;
	}
}

static bool is_swapped(enum dl_oper op)
{
	return op == DL_O_GT || op == DL_O_GE;
}

static unsigned gen_logical(struct gen *g, const struct dl_node *n)
{
	uint32_t jump;
	unsigned r = cg_truth(g, n->left), t;

	cg_emit(g, DL_OP_BOOL, r, r, 0, 0);
	if (n->op == DL_O_LXOR) {
		t = cg_truth(g, n->right);
		cg_emit(g, DL_OP_BOOL, t, t, 0, 0);
		cg_emit(g, DL_OP_XOR, r, r, t, 0);
		cg_pop(g, t);
		return r;
	}
	jump = cg_jump(g, n->op == DL_O_LAND ? DL_OP_JZ : DL_OP_JNZ, r);
	cg_pop(g, r);
	g->cond_depth++;
	r = cg_truth(g, n->right);
	g->cond_depth--;
	cg_emit(g, DL_OP_BOOL, r, r, 0, 0);
	cg_patch(g, jump);
	return r;
}

/* Strings: SCMP's result against 0. */
static unsigned gen_string_compare(struct gen *g, const struct dl_node *n)
{
	unsigned l = cg_string(g, n->left), r = cg_string(g, n->right);
	enum dl_op op;

	cg_emit(g, DL_OP_SCMP, l, l, r, 0);
	cg_load_const(g, r, 0);
	switch (n->op) {
	case DL_O_EQ: op = DL_OP_EQ; break;
	case DL_O_NE: op = DL_OP_NE; break;
	case DL_O_LT:
	case DL_O_GT: op = DL_OP_LTS; break;
	default: op = DL_OP_LES;
	}
	if (is_swapped(n->op))
		cg_emit(g, op, l, r, l, 0);
	else
		cg_emit(g, op, l, l, r, 0);
	cg_pop(g, l + 1);
	return l;
}

static unsigned gen_double_binary(struct gen *g, const struct dl_node *n)
{
	unsigned l = cg_double(g, n->left), r = cg_double(g, n->right);
	unsigned a = is_swapped(n->op) ? r : l, b = is_swapped(n->op) ? l : r;
	enum dl_op op;

	switch (n->op) {
	case DL_O_ADD: op = DL_OP_FADD; break;
	case DL_O_SUB: op = DL_OP_FSUB; break;
	case DL_O_MUL: op = DL_OP_FMUL; break;
	case DL_O_DIV: op = DL_OP_FDIV; break;
	case DL_O_EQ:
	case DL_O_NE: op = DL_OP_FEQ; break;
	case DL_O_LT:
	case DL_O_GT: op = DL_OP_FLT; break;
	case DL_O_LE:
	case DL_O_GE: op = DL_OP_FLE; break;
	default:
		cg_fail(g, D_UNKNOWN, n->range, "internal error: operator on floating point");
		op = DL_OP_FADD;
	}
	cg_emit(g, op, l, a, b, 0);
	if (n->op == DL_O_NE)
		cg_emit(g, DL_OP_LNOT, l, l, 0, 0);
	cg_pop(g, l + 1);
	return l;
}

static bool small_addend(const struct dl_node *n, int32_t *ret)
{
	const struct dl_node *k = n->right;
	int64_t v;

	if (k->kind != DL_N_INT || (n->op != DL_O_ADD && n->op != DL_O_SUB))
		return false;
	v = (int64_t)(n->op == DL_O_ADD ? k->value : -k->value);
	*ret = (int32_t)v;
	return v == (int32_t)v;
}

static unsigned gen_int_binary(struct gen *g, const struct dl_node *n)
{
	enum dl_op op = arith_op(g, n);
	unsigned l, r, first;
	int32_t addend;

	if (small_addend(n, &addend)) {
		l = cg_expr(g, n->left);
		cg_emit(g, DL_OP_ADDI, l, l, 0, addend);
		return l;
	}
	/* Near is short of registers: the side that needs more goes first. */
	if (g->cur->is_near && cg_near_need(g, n->right) > cg_near_need(g, n->left)) {
		first = r = cg_expr(g, n->right);
		l = cg_expr(g, n->left);
	} else {
		first = l = cg_expr(g, n->left);
		r = cg_expr(g, n->right);
	}
	if (is_swapped(n->op))
		cg_emit(g, op, first, r, l, 0);
	else
		cg_emit(g, op, first, l, r, 0);
	cg_pop(g, first + 1);
	return first;
}

static unsigned gen_binary(struct gen *g, const struct dl_node *n)
{
	struct dl_type *l = n->left->type, *r = n->right->type;

	if (n->op == DL_O_LAND || n->op == DL_O_LOR || n->op == DL_O_LXOR)
		return gen_logical(g, n);
	if (n->op >= DL_O_EQ && n->op <= DL_O_GE && (dl_type_is_string(l) || dl_type_is_string(r)))
		return gen_string_compare(g, n);
	if (cg_class_of(l) == CG_DOUBLE || cg_class_of(r) == CG_DOUBLE)
		return gen_double_binary(g, n);
	return gen_int_binary(g, n);
}

static unsigned gen_unary(struct gen *g, const struct dl_node *n)
{
	bool is_double = cg_class_of(n->left->type) == CG_DOUBLE;
	unsigned r = n->op == DL_O_NOT ? cg_truth(g, n->left) : cg_expr(g, n->left);

	switch (n->op) {
	case DL_O_NEG: cg_emit(g, is_double ? DL_OP_FNEG : DL_OP_NEG, r, r, 0, 0); break;
	case DL_O_COM: cg_emit(g, DL_OP_COM, r, r, 0, 0); break;
	case DL_O_NOT: cg_emit(g, DL_OP_LNOT, r, r, 0, 0); break;
	case DL_O_PLUS: break;
	default: cg_fail(g, D_UNKNOWN, n->range, "internal error: operator in code generation");
	}
	return r;
}

unsigned cg_truth(struct gen *g, const struct dl_node *n)
{
	unsigned r = cg_expr(g, n), zero;

	if (cg_class_of(n->type) == CG_DOUBLE) {
		zero = cg_push(g);
		cg_load_const(g, zero, 0);
		cg_emit(g, DL_OP_FEQ, r, r, zero, 0);
		cg_emit(g, DL_OP_LNOT, r, r, 0, 0);
		cg_pop(g, zero);
	}
	return r;
}

/* --- conversions --- */

static bool is_truth(const struct dl_node *n)
{
	if (n->kind == DL_N_UNARY)
		return n->op == DL_O_NOT;
	return n->kind == DL_N_BINARY && n->op >= DL_O_LAND && n->op <= DL_O_GE;
}

bool cg_is_narrow(struct gen *g, const struct dl_node *n, uint64_t size, bool is_signed)
{
	uint64_t from;
	bool from_signed;

	n = cg_resolve(g, n);
	if (size >= 8 || is_truth(n))
		return true;
	if (n->kind == DL_N_INT) {
		unsigned shift = (unsigned)(64 - size * 8);

		if (is_signed)
			return (int64_t)(n->value << shift) >> shift == (int64_t)n->value;
		return n->value << shift >> shift == n->value;
	}
	if (n->kind != DL_N_CAST && n->kind != DL_N_DEREF && n->kind != DL_N_MEMBER)
		return false;
	if (cg_class_of(n->type) != CG_SCALAR)
		return false;
	from = cg_size_of(g, n->type);
	from_signed = cg_is_signed(n->type);
	if (from_signed == is_signed)
		return from <= size;
	return is_signed && from < size;
}

/* double -> float and back, through memory. */
static void round_to_float(struct gen *g, unsigned r)
{
	unsigned t = cg_push(g);

	cg_emit(g, DL_OP_SCRATCH, t, 0, 0, 4);
	cg_emit(g, DL_OP_STF, t, r, 0, 4);
	cg_emit(g, DL_OP_LDF, r, t, 0, 4);
	cg_pop(g, t);
}

static unsigned gen_cast_scalar(struct gen *g, const struct dl_node *n)
{
	uint64_t size = cg_size_of(g, n->type);
	bool is_signed = cg_is_signed(n->type);
	unsigned r;

	if (dl_type_base(n->type)->is_bool) {
		r = cg_truth(g, n->left);
		cg_emit(g, DL_OP_BOOL, r, r, 0, 0);
		return r;
	}
	r = cg_expr(g, n->left);
	if (cg_class_of(n->left->type) == CG_DOUBLE) {
		cg_emit(g, DL_OP_F2I, r, r, 0, 0);
		cg_extend(g, r, size, is_signed);
	} else if (!cg_is_narrow(g, n->left, size, is_signed)) {
		cg_extend(g, r, size, is_signed);
	}
	return r;
}

static unsigned gen_cast(struct gen *g, const struct dl_node *n)
{
	unsigned r;

	switch (cg_class_of(n->type)) {
	case CG_SCALAR: return gen_cast_scalar(g, n);
	case CG_DOUBLE:
		r = cg_double(g, n->left);
		if (cg_size_of(g, n->type) == 4 &&
		    !(cg_class_of(n->left->type) == CG_DOUBLE && cg_size_of(g, n->left->type) == 4))
			round_to_float(g, r);
		return r;
	case CG_ADDRESS:
		return dl_type_is_string(n->type) ? cg_string(g, n->left) : cg_expr(g, n->left);
	default: return cg_expr(g, n->left);
	}
}

/* --- leaves --- */

static unsigned gen_bvar(struct gen *g, const struct dl_node *n)
{
	unsigned r;

	if (n->bvar == DL_BV_ARG || n->bvar == DL_BV_UREGS || n->bvar == DL_BV_THREAD_LOCAL) {
		if (n->left) {
			r = cg_expr(g, n->left);
		} else {
			r = cg_push(g);
			cg_load_const(g, r, n->value);
		}
		if (n->bvar == DL_BV_UREGS)
			cg_needs_stop(g, "uregs[] with an index known at run time only");
		else if (n->bvar == DL_BV_THREAD_LOCAL)
			cg_needs_stop(g, "a thread-local variable is found by the stopped thread");
		cg_emit(g, DL_OP_BVARX, r, r, 0, n->bvar);
		return r;
	}
	if (n->bvar == DL_BV_UCALLER || n->bvar == DL_BV_USTACKDEPTH)
		g->out->wants_stack = true;
	else if (n->bvar == DL_BV_VTIMESTAMP)
		cg_needs_stop(g, "vtimestamp is the stopped thread's");
	r = cg_push(g);
	cg_emit(g, DL_OP_BVAR, r, 0, 0, n->bvar);
	return r;
}

/* ARG and UREG; far comes here only when the slots are used up. */
static unsigned gen_register(struct gen *g, const struct dl_node *n)
{
	bool is_arg = n->kind == DL_N_ARG;
	uint64_t i = cg_leaf_index(n);
	unsigned r = cg_push(g);

	if (g->cur->is_near) {
		cg_emit(g, is_arg ? DL_OP_NARG : DL_OP_NREG, r, 0, 0, (int32_t)i);
		return r;
	}
	cg_needs_stop(g, "registers are read late");
	cg_load_const(g, r, i);
	cg_emit(g, DL_OP_BVARX, r, r, 0, is_arg ? DL_BV_ARG : DL_BV_UREGS);
	return r;
}

static unsigned gen_const(struct gen *g, const struct dl_node *n)
{
	unsigned r = cg_push(g);
	uint64_t bits;

	if (n->kind == DL_N_STR) {
		cg_emit(g, DL_OP_STR, r, 0, 0, (int32_t)dl_ctx_string(g->c, n->str, n->str_len));
	} else if (n->kind == DL_N_FLOAT) {
		memcpy(&bits, &n->fvalue, sizeof(bits));
		cg_load_const(g, r, bits);
	} else {
		cg_load_const(g, r, n->value);
	}
	return r;
}

static unsigned gen_bounds(struct gen *g, const struct dl_node *n)
{
	unsigned r = cg_expr(g, n->left);

	if (!g->cur->is_near && n->value <= INT32_MAX)
		cg_emit(g, DL_OP_BOUNDS, r, 0, 0, (int32_t)n->value);
	return r;
}

static unsigned gen_addrof(struct gen *g, const struct dl_node *n)
{
	uint64_t off;
	unsigned r = g->is_store ? cg_store_addr(g, n->left, &off) : cg_addr(g, n->left, &off);

	cg_add_offset(g, r, off);
	return r;
}

static unsigned gen_bound_let(struct gen *g, const struct dl_node *n)
{
	const struct cg_let *let = cg_let_find(g, n->let_id);
	unsigned r = cg_push(g);

	if (!let || !let->is_bound)
		cg_fail(g, D_UNKNOWN, n->range, "internal error: LETVAR outside its LET");
	cg_emit(g, DL_OP_MOV, r, let ? let->reg : 0, 0, 0);
	return r;
}

static unsigned gen_value(struct gen *g, const struct dl_node *n)
{
	switch (n->kind) {
	case DL_N_INT:
	case DL_N_FLOAT:
	case DL_N_STR: return gen_const(g, n);
	case DL_N_ARG:
	case DL_N_UREG: return gen_register(g, n);
	case DL_N_VAR: return cg_var(g, n);
	case DL_N_BVAR: return gen_bvar(g, n);
	case DL_N_LETVAR: return gen_bound_let(g, n);
	case DL_N_UNARY: return gen_unary(g, n);
	case DL_N_BINARY: return gen_binary(g, n);
	case DL_N_ASSIGN: return cg_assign(g, n);
	case DL_N_INCDEC: return cg_incdec(g, n);
	case DL_N_CAST: return gen_cast(g, n);
	case DL_N_STRINGOF: return cg_string(g, n->left);
	case DL_N_CALL: return cg_call(g, n);
	case DL_N_DEREF:
	case DL_N_MEMBER: return cg_object(g, n);
	case DL_N_ADDROF: return gen_addrof(g, n);
	case DL_N_BOUNDS: return gen_bounds(g, n);
	default:
		cg_fail(g, D_UNKNOWN, n->range, "internal error: node without code");
		return cg_push(g);
	}
}

/* --- the other forms --- */

static unsigned gen_double(struct gen *g, const struct dl_node *n)
{
	unsigned r = cg_expr(g, n);

	if (cg_class_of(n->type) != CG_DOUBLE)
		cg_emit(g, cg_is_signed(n->type) ? DL_OP_I2F : DL_OP_U2F, r, r, 0, 0);
	return r;
}

unsigned cg_bytes_at(struct gen *g, const struct dl_node *n, uint64_t size)
{
	unsigned r;

	if (cg_input_mem(g, n, NULL, size, &r))
		return r;
	r = cg_expr(g, n);
	if (!cg_is_dmem(g, n))
		cg_far_read(g);
	return r;
}

static unsigned gen_bytes(struct gen *g, const struct dl_node *n, uint64_t size)
{
	unsigned r;

	if (n->kind == DL_N_CAST && cg_class_of(n->type) == CG_ADDRESS &&
	    !dl_type_is_string(n->type))
		return cg_bytes(g, n->left, size);
	if (cg_class_of(n->type) == CG_SCALAR)
		return cg_bytes_at(g, n, size);
	if ((n->kind == DL_N_DEREF || n->kind == DL_N_MEMBER) &&
	    cg_input_object(g, n, size, false, &r))
		return r;
	r = cg_expr(g, n);
	if (!cg_lvalue_is_dmem(g, n))
		cg_far_read(g);
	return r;
}

/* A char array: at most its size, there may be no NUL. */
static unsigned gen_string_array(struct gen *g, const struct dl_node *n)
{
	uint64_t size = cg_size_of(g, n->type);
	unsigned r;

	if (size == 0) { /* a flexible array: ends at its NUL */
		if (cg_input_string(g, n, &r))
			return r;
	} else if ((n->kind == DL_N_DEREF || n->kind == DL_N_MEMBER) &&
		   cg_input_object(g, n, size, true, &r)) {
		return r;
	}
	r = cg_expr(g, n);
	if (!cg_lvalue_is_dmem(g, n))
		cg_far_read(g);
	if (size >= dl_types_strsize(g->c->types))
		size = 0;
	cg_emit(g, DL_OP_SCOPY, r, r, 0, size ? (int32_t)size + 1 : 0);
	return r;
}

static unsigned gen_string(struct gen *g, const struct dl_node *n)
{
	unsigned r;

	if (n->kind == DL_N_STRINGOF || (n->kind == DL_N_CAST && dl_type_is_string(n->type)))
		return cg_string(g, n->left);
	if (cg_class_of(n->type) == CG_ADDRESS && !dl_type_is_string(n->type))
		return gen_string_array(g, n);
	if (cg_class_of(n->type) == CG_SCALAR && n->kind != DL_N_INT && cg_input_string(g, n, &r))
		return r;
	r = cg_expr(g, n);
	if (!cg_is_dmem(g, n))
		cg_far_read(g);
	return r;
}

static unsigned gen_leaf(struct gen *g, const struct dl_node *n, enum want want, uint64_t size)
{
	switch (want) {
	case WANT_DOUBLE: return gen_double(g, n);
	case WANT_BYTES: return gen_bytes(g, n, size);
	case WANT_STRING: return gen_string(g, n);
	default: return gen_value(g, n);
	}
}

/* --- nodes that pass the wish on --- */

static unsigned gen_cond(struct gen *g, const struct dl_node *n, enum want want, uint64_t size)
{
	uint32_t otherwise, end;
	unsigned r = cg_truth(g, n->left);

	otherwise = cg_jump(g, DL_OP_JZ, r);
	cg_pop(g, r);
	g->cond_depth++;
	gen(g, n->right, want, size);
	end = cg_jump(g, DL_OP_JMP, 0);
	cg_patch(g, otherwise);
	cg_pop(g, r);
	gen(g, n->third, want, size);
	g->cond_depth--;
	cg_patch(g, end);
	return r;
}

/* What near can compute is not bound but computed anew where it is used. */
static unsigned gen_let(struct gen *g, const struct dl_node *n, enum want want, uint64_t size)
{
	struct cg_let *let = cg_let_find(g, n->let_id);
	struct cg_near f;
	unsigned r, v;

	if (g->cur->is_near || !let)
		return gen(g, n->right, want, size);
	if (cg_near_ok(g, n->left, &f)) {
		let->near = cg_snapshot(g, n->left);
		r = gen(g, n->right, want, size);
		let->near = NULL;
		return r;
	}
	r = n->is_store ? cg_written(g, n->left) : cg_expr(g, n->left);
	let->is_dmem = cg_is_dmem(g, n->left);
	let->is_bound = true;
	let->reg = r;
	v = gen(g, n->right, want, size);
	let->is_bound = false;
	cg_emit(g, DL_OP_MOV, r, v, 0, 0);
	cg_pop(g, r + 1);
	return r;
}

static unsigned gen(struct gen *g, const struct dl_node *n, enum want want, uint64_t size)
{
	unsigned r;

	n = cg_resolve(g, n);
	if (g->failed)
		return cg_push(g);
	if (want == WANT_VALUE && cg_input_scalar(g, n, &r))
		return r;
	switch (n->kind) {
	case DL_N_COND:
		if (want == WANT_VALUE && dl_type_is_string(n->type))
			want = WANT_STRING;
		if (want == WANT_VALUE && cg_class_of(n->type) == CG_DOUBLE)
			want = WANT_DOUBLE;
		return gen_cond(g, n, want, size);
	case DL_N_COMMA:
		if (!g->cur->is_near)
			cg_drop(g, n->left);
		return gen(g, n->right, want, size);
	case DL_N_LET: return gen_let(g, n, want, size);
	default: return gen_leaf(g, n, want, size);
	}
}

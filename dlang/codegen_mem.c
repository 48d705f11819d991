/*
 * Memory: which addresses are D's own, and how objects are loaded.
 *
 * An address that is not known to be D memory is taken for the target's; a
 * load through it that near could not do makes far need the stopped thread.
 */
#include "codegen.h"

void cg_far_read(struct gen *g)
{
	if (g->cur->is_near)
		return;
	if (g->writes_memory)
		cg_needs_stop(g, "memory is written by the clause that reads it");
	else
		cg_needs_stop(g, "memory at an address that is not computed from arguments");
}

/* --- where does an address lead? --- */

bool cg_lvalue_is_dmem(struct gen *g, const struct dl_node *n)
{
	n = cg_resolve(g, n);
	if (n->kind == DL_N_MEMBER)
		return cg_lvalue_is_dmem(g, n->left);
	return cg_is_dmem(g, n->kind == DL_N_DEREF ? n->left : n);
}

static bool call_is_dmem(const struct dl_node *n)
{
	enum dl_subr subr = n->ident->subr;

	return subr == DL_SUBR_ALLOCA || subr == DL_SUBR_COPYIN || subr == DL_SUBR_MEMREF;
}

static bool var_is_dmem(struct gen *g, const struct dl_node *n)
{
	if (!cg_is_var(n))
		return false;
	if (cg_class_of(n->type) == CG_ADDRESS)
		return true;
	return !n->ident->var->is_assoc && cg_known_of(g, cg_var_index(g, n->ident->var)).is_dmem;
}

/* x + i: constants are indexes, not addresses. */
static bool sum_is_dmem(struct gen *g, const struct dl_node *n)
{
	if (n->op != DL_O_ADD && n->op != DL_O_SUB)
		return false;
	if (n->left->kind != DL_N_INT && cg_is_dmem(g, n->left))
		return true;
	return n->op == DL_O_ADD && n->right->kind != DL_N_INT && cg_is_dmem(g, n->right);
}

bool cg_is_dmem(struct gen *g, const struct dl_node *n)
{
	n = cg_resolve(g, n);
	switch (n->kind) {
	case DL_N_INT: return n->value == 0;
	case DL_N_STR:
	case DL_N_STRINGOF: return true;
	case DL_N_VAR:
	case DL_N_INCDEC: return var_is_dmem(g, n->kind == DL_N_VAR ? n : n->left);
	case DL_N_LETVAR: {
		const struct cg_let *let = cg_let_find(g, n->let_id);

		return let && let->is_dmem;
	}
	case DL_N_CALL: return dl_type_is_string(n->type) || call_is_dmem(n);
	case DL_N_CAST: return dl_type_is_string(n->type) || cg_is_dmem(g, n->left);
	case DL_N_COND: return cg_is_dmem(g, n->right) && cg_is_dmem(g, n->third);
	case DL_N_COMMA:
	case DL_N_LET:
	case DL_N_ASSIGN: return cg_is_dmem(g, n->right);
	case DL_N_BINARY: return sum_is_dmem(g, n);
	case DL_N_ADDROF: return cg_lvalue_is_dmem(g, n->left);
	case DL_N_DEREF:
	case DL_N_MEMBER: return cg_class_of(n->type) == CG_ADDRESS && cg_lvalue_is_dmem(g, n);
	default: return dl_type_is_string(n->type);
	}
}

/* --- loads --- */

/* An enumeration without negative values has none in a bit-field, as in C. */
static bool field_is_signed(struct dl_type *t)
{
	struct dl_type *b = dl_type_base(t);

	if (b->kind != DL_ENUM)
		return cg_is_signed(t);
	for (size_t i = 0; i < b->n_enums; i++)
		if (b->enums[i].value < 0)
			return true;
	return false;
}

/* Bit-fields are loaded through their declared type's unit, or, where a packed
 * one crosses it, from its first byte on. */
struct cg_field cg_field_of(struct gen *g, const struct dl_node *n)
{
	uint64_t size = cg_size_of(g, n->type), bit = n->bit_off, unit, first;
	struct cg_field f = { .is_signed = cg_is_signed(n->type) };

	if (size != 1 && size != 2 && size != 4)
		size = 8;
	f.size = (unsigned)size;
	if (n->kind != DL_N_MEMBER || n->bits == 0)
		return f;
	unit = size * 8;
	f.is_signed = field_is_signed(n->type);
	f.bits = n->bits > 64 ? 64 : n->bits;
	bit += n->value % size * 8;
	first = bit / unit * unit;
	if (bit + f.bits <= first + unit) {
		f.off = first / 8 - n->value % size;
		f.shift = (unsigned)(bit - first);
		return f;
	}
	f.off = n->bit_off / 8;
	f.shift = n->bit_off % 8;
	f.is_split = f.shift + f.bits > 64;
	f.size = f.shift + f.bits <= 32 ? 4 : 8;
	return f;
}

void cg_emit_load(struct gen *g, unsigned reg, unsigned base, uint64_t off, unsigned size,
		  bool is_signed)
{
	unsigned c = size | (is_signed && size < 8 ? NLD_SIGNED : 0);
	enum dl_op op = g->cur->is_near ? DL_OP_NLD : DL_OP_LD;

	if ((int64_t)off != (int32_t)off) {
		unsigned t = cg_push(g);

		cg_load_const(g, t, off);
		cg_emit(g, DL_OP_ADD, t, base, t, 0);
		cg_emit(g, op, reg, t, c, 0);
		cg_pop(g, t);
		return;
	}
	cg_emit(g, op, reg, base, c, (int32_t)off);
}

void cg_shift(struct gen *g, enum dl_op op, unsigned reg, unsigned by)
{
	unsigned t;

	if (by == 0)
		return;
	t = cg_push(g);
	cg_load_const(g, t, by);
	cg_emit(g, op, reg, reg, t, 0);
	cg_pop(g, t);
}

/* A bit-field, from a base register (which is used up). */
static void load_bits(struct gen *g, unsigned r, uint64_t off, const struct cg_field *f)
{
	unsigned high = 0;

	if (f->is_split) {
		high = cg_push(g);
		cg_emit_load(g, high, r, off + 8, 1, false);
		cg_shift(g, DL_OP_SHL, high, 64 - f->shift);
	}
	cg_emit_load(g, r, r, off, f->size, false);
	cg_shift(g, DL_OP_SHR, r, f->shift);
	if (f->is_split) {
		cg_emit(g, DL_OP_OR, r, r, high, 0);
		cg_pop(g, high);
	}
	cg_emit(g, f->is_signed ? DL_OP_SX : DL_OP_ZX, r, r, 0, (int32_t)f->bits);
}

unsigned cg_object(struct gen *g, const struct dl_node *n)
{
	uint64_t off, size = cg_size_of(g, n->type);
	struct cg_field f;
	unsigned r;

	switch (cg_class_of(n->type)) {
	case CG_SCALAR:
		r = cg_addr(g, n, &off);
		if (!cg_lvalue_is_dmem(g, n))
			cg_far_read(g);
		f = cg_field_of(g, n);
		if (f.bits)
			load_bits(g, r, off + f.off, &f);
		else
			cg_emit_load(g, r, r, off, f.size, f.is_signed);
		return r;
	case CG_DOUBLE:
		if (!cg_input_object(g, n, size, false, &r)) {
			r = cg_addr(g, n, &off);
			cg_add_offset(g, r, off);
			if (!cg_lvalue_is_dmem(g, n))
				cg_far_read(g);
		}
		cg_emit(g, DL_OP_LDF, r, r, 0, (int32_t)size);
		return r;
	default:
		r = cg_addr(g, n, &off);
		cg_add_offset(g, r, off);
		return r;
	}
}

/* p + 8 as p, the 8 added to *off; casts between addresses change nothing. */
static const struct dl_node *peel_offset(struct gen *g, const struct dl_node *n, uint64_t *off)
{
	for (;;) {
		n = cg_resolve(g, n);
		if (n->kind == DL_N_BINARY && n->op == DL_O_ADD && n->right->kind == DL_N_INT &&
		    n->right->value <= CG_MAX_OFFSET && cg_class_of(n->type) == CG_SCALAR)
			*off += n->right->value;
		else if (n->kind != DL_N_CAST || cg_class_of(n->type) != CG_SCALAR ||
			 cg_class_of(n->left->type) != CG_SCALAR || cg_size_of(g, n->type) != 8 ||
			 cg_size_of(g, n->left->type) != 8)
			return n;
		n = n->left;
	}
}

unsigned cg_addr(struct gen *g, const struct dl_node *n, uint64_t *off_ret)
{
	unsigned r;

	n = cg_resolve(g, n);
	if (n->kind == DL_N_MEMBER) {
		r = cg_addr(g, n->left, off_ret);
		*off_ret += n->value;
		return r;
	}
	*off_ret = 0;
	if (n->kind == DL_N_DEREF)
		n = peel_offset(g, n->left, off_ret);
	return cg_expr(g, n);
}

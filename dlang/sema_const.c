/*
 * Constants: folding, and integer constant expressions of declarations.
 *
 * Folding does what the machine would: 64 bits, wrapping, signedness by type.
 */
#include "sema_int.h"

uint64_t sema_fit(struct dl_type *t, uint64_t v)
{
	const struct dl_type *b = dl_type_base(t);
	unsigned bits;

	if ((b->kind != DL_INT && b->kind != DL_ENUM) || b->size >= 8 || b->size == 0)
		return v;
	if (b->is_bool)
		return v != 0;
	bits = (unsigned)b->size * 8;
	v &= (UINT64_C(1) << bits) - 1;
	if (sema_type_signed(t) && v >> (bits - 1))
		v |= ~UINT64_C(0) << bits;
	return v;
}

static bool divide(enum dl_oper op, uint64_t a, uint64_t b, bool is_signed, uint64_t *ret)
{
	if (b == 0)
		return false;
	if (is_signed && b == UINT64_MAX) /* INT64_MIN / -1 wraps */
		*ret = op == DL_O_DIV ? -a : 0;
	else if (is_signed)
		*ret = op == DL_O_DIV ? (uint64_t)((int64_t)a / (int64_t)b) :
					(uint64_t)((int64_t)a % (int64_t)b);
	else
		*ret = op == DL_O_DIV ? a / b : a % b;
	return true;
}

static uint64_t shift_right(uint64_t a, unsigned count, bool is_signed)
{
	uint64_t v = a >> count;

	if (is_signed && count && a >> 63)
		v |= ~UINT64_C(0) << (64 - count);
	return v;
}

/* Documented switch: one line per operator. */
bool sema_fold(enum dl_oper op, uint64_t a, uint64_t b, bool is_signed, uint64_t *ret)
{
	bool less = is_signed ? (int64_t)a < (int64_t)b : a < b;

	switch (op) {
	case DL_O_ADD: *ret = a + b; return true;
	case DL_O_SUB: *ret = a - b; return true;
	case DL_O_MUL: *ret = a * b; return true;
	case DL_O_DIV:
	case DL_O_MOD: return divide(op, a, b, is_signed, ret);
	case DL_O_SHL: *ret = a << (b & 63); return true;
	case DL_O_SHR: *ret = shift_right(a, b & 63, is_signed); return true;
	case DL_O_AND: *ret = a & b; return true;
	case DL_O_OR: *ret = a | b; return true;
	case DL_O_XOR: *ret = a ^ b; return true;
	case DL_O_LAND: *ret = a && b; return true;
	case DL_O_LOR: *ret = a || b; return true;
	case DL_O_LXOR: *ret = !a != !b; return true;
	case DL_O_EQ: *ret = a == b; return true;
	case DL_O_NE: *ret = a != b; return true;
	case DL_O_LT: *ret = less; return true;
	case DL_O_LE: *ret = less || a == b; return true;
	case DL_O_GT: *ret = !less && a != b; return true;
	case DL_O_GE: *ret = !less; return true;
	default: return false;
	}
}

bool dl_sema_const_int(struct dl_ctx *c, struct dl_node *n, int64_t *ret)
{
	size_t n_diags = c->diags.list.n, n_errors = c->diags.n_errors;
	struct dl_node *e;
	struct sema s;

	if (!n)
		return false;
	sema_init(&s, c);
	s.quiet = true;
	e = sema_expr(&s, n);
	c->diags.list.n = n_diags;
	c->diags.n_errors = n_errors;
	if (!e || e->kind != DL_N_INT || !dl_type_is_integer(e->type))
		return false;
	*ret = (int64_t)e->value;
	return true;
}

/*
 * Assignments, compound assignments, ++ and --.
 *
 * The right side is checked first: it types a new variable.  a op= b becomes
 * a = a op b with the parts of a computed once.
 */
#include <string.h>

#include "sema_int.h"

/* Does the value come from a clock?  Cutting one loses what it was taken for. */
static bool is_clock(const struct dl_node *n)
{
	if (!n)
		return false;
	if (n->kind == DL_N_BVAR)
		return n->bvar == DL_BV_TIMESTAMP || n->bvar == DL_BV_VTIMESTAMP ||
		       n->bvar == DL_BV_WALLTIMESTAMP;
	if (n->kind == DL_N_BINARY && (n->op == DL_O_ADD || n->op == DL_O_SUB))
		return is_clock(n->left) != is_clock(n->right);
	return false;
}

static void warn_cut(struct sema *s, struct dl_range range, const struct dl_node *l,
		     const struct dl_node *r)
{
	const struct dl_type *b = dl_type_base(l->type);

	if (l->kind != DL_N_VAR || !l->ident->is_declared || b->kind != DL_INT || b->size >= 8 ||
	    !is_clock(r))
		return;
	dl_hint(s->c,
		dl_warn(s->c, D_UNKNOWN, range,
			"%s is declared %s: the 64-bit value is cut to %u bits", l->name,
			dl_type_name(s->ts, l->type), (unsigned)b->size * 8),
		"declare it uint64_t %s", l->name);
}

static bool check_target(struct sema *s, struct dl_range range, const struct dl_node *l,
			 const char *op)
{
	bool built_in = l->kind == DL_N_BVAR || l->kind == DL_N_ARG || l->kind == DL_N_UREG;

	if (!l->is_lvalue) {
		struct dl_diag *d = dl_error(
			s->c, built_in ? D_OP_WRITE : D_OP_LVAL, range,
			built_in ? "operator %s can only be applied to a writable variable" :
				   "operator %s requires modifiable lvalue as an operand",
			op);

		if (!strcmp(op, "="))
			dl_hint(s->c, d, "= assigns; == compares");
		return false;
	}
	if (!l->is_writable) {
		dl_error(s->c, D_OP_WRITE, range,
			 "operator %s can only be applied to a writable variable", op);
		return false;
	}
	return true;
}

static bool compatible(struct sema *s, struct dl_range range, const struct dl_node *l,
		       const struct dl_node *r, const char *op)
{
	struct dl_type *b = dl_type_base(l->type);
	struct dl_diag *d;

	if (sema_is_dynamic(l) || sema_is_dynamic(r)) {
		dl_error(s->c, D_OP_DYN, range, "operator %s operands cannot be of dynamic type",
			 op);
		return false;
	}
	if (b->kind == DL_ARRAY || b->kind == DL_FUNC) {
		dl_error(s->c, D_OP_ARRFUN, range,
			 "operator %s may not be applied to operand of type \"%s\"", op,
			 dl_type_name(s->ts, l->type));
		return false;
	}
	if (sema_assign_compat(s, l->type, r))
		return true;
	d = dl_error(s->c, D_OP_INCOMPAT, range,
		     "operands have incompatible types: \"%s\" %s \"%s\"", sema_type_text(s, l), op,
		     sema_type_text(s, r));
	if (dl_type_is_string(l->type) && sema_is_integer(r))
		dl_hint(s->c, d, "copyinstr() makes a string of an address");
	return false;
}

struct dl_node *sema_store(struct sema *s, struct dl_range range, struct dl_node *l,
			   struct dl_node *r, const char *op)
{
	struct sema_translated *x = sema_as_translated(r);
	struct dl_node *out;

	if (!compatible(s, range, l, r, op) || !check_target(s, range, l, op) ||
	    !sema_check_scratch_store(s, range, l, r))
		return NULL;
	if (x)
		return sema_assign_translated(s, range, l, x);
	warn_cut(s, range, l, r);
	out = sema_node(s, DL_N_ASSIGN, range, l->type);
	out->op = DL_O_ASSIGN;
	out->left = l;
	if (l->kind == DL_N_VAR && !l->ident->is_declared && dl_type_is_integer(l->type) &&
	    !sema_is_float(r))
		out->right = sema_decay(s, r); /* keeps its 64 bits */
	else
		out->right = sema_convert(s, r, l->type);
	out->is_writable = out->right->is_writable;
	return sema_seal(out);
}

/* --- evaluating an lvalue's parts once --- */

static struct dl_node *stable(struct sema *s, struct dl_node *n, struct sema_lets *lets)
{
	struct sema_list keys = { 0 };
	struct dl_node *copy = sema_copy(s, n);

	switch (n->kind) {
	case DL_N_VAR:
		for (struct dl_node *k = n->args, *next; k; k = next) {
			next = k->next;
			k->next = NULL;
			sema_list_add(&keys, sema_bind(s, lets, k));
		}
		copy->args = keys.first;
		return copy;
	case DL_N_DEREF:
		copy->left = sema_bind(s, lets, n->left);
		if (lets->last && copy->left->kind == DL_N_LETVAR &&
		    lets->last->let_id == copy->left->let_id)
			lets->last->is_store = true;
		return copy;
	case DL_N_MEMBER: copy->left = stable(s, n->left, lets); return copy;
	default: return n;
	}
}

static struct dl_node *compound(struct sema *s, const struct dl_node *n)
{
	struct sema_want want = { .use = SEMA_MODIFY };
	const char *op = arena_printf(s->a, "%s=", dl_oper_name(n->op));
	struct dl_node *r = sema_operand(s, n->right, op);
	struct dl_node *l = sema_lvalue(s, n->left, &want), *value;
	struct sema_lets lets = { 0 };

	if (!l || !r)
		return NULL;
	if (sema_is_dynamic(l) || sema_is_dynamic(r)) {
		dl_error(s->c, D_OP_DYN, n->range, "operator %s operands cannot be of dynamic type",
			 op);
		return NULL;
	}
	l = stable(s, l, &lets);
	value = sema_apply(s, n->range, n->op, op, sema_copy(s, l), r);
	if (!value)
		return NULL;
	return sema_wrap(s, &lets, sema_store(s, n->range, l, value, op));
}

struct dl_node *sema_assign(struct sema *s, const struct dl_node *n)
{
	struct sema_want want = { .use = SEMA_WRITE };
	struct dl_node *l;

	if (!n->left)
		return NULL;
	if (n->left->kind == DL_N_AGGREF) {
		(void)sema_agg_ref(s, n->left);
		dl_error(s->c, D_OP_DYN, n->range,
			 "operator %s%s operands cannot be of dynamic type",
			 n->op == DL_O_ASSIGN ? "" : dl_oper_name(n->op), "=");
		return NULL;
	}
	if (n->op != DL_O_ASSIGN)
		return compound(s, n);
	want.rhs = sema_operand(s, n->right, "=");
	l = sema_lvalue(s, n->left, &want);
	if (!l || !want.rhs)
		return NULL;
	return sema_store(s, n->range, l, want.rhs, "=");
}

/* --- ++ and -- --- */

/* What the object steps by; 0 after reporting. */
static uint64_t step_of(struct sema *s, const struct dl_node *n, struct dl_node *l, const char *op)
{
	uint64_t size;

	if (!sema_is_pointer(l))
		return 1;
	size = sema_size(s, sema_pointee(s, l));
	if (!size)
		dl_error(s->c, D_OP_VFPTR, n->range, "operator %s requires operand of known size",
			 op);
	return size;
}

/* Objects whose new value must be cut to size: value = a = a + 1. */
static struct dl_node *stepped(struct sema *s, const struct dl_node *n, struct dl_node *l,
			       bool plus, bool post, const char *op)
{
	struct dl_node *one = sema_int(s, n->range, 1, sema_basic(s, DL_T_INT));
	struct sema_lets lets = { 0 };
	struct dl_node *old, *sum, *out;

	l = stable(s, l, &lets);
	old = sema_copy(s, l);
	if (post)
		old = sema_bind(s, &lets, old);
	sum = sema_apply(s, n->range, plus ? DL_O_ADD : DL_O_SUB, op, old, one);
	out = sum ? sema_store(s, n->range, l, sum, op) : NULL;
	if (out && post) {
		struct dl_node *comma = sema_node(s, DL_N_COMMA, n->range, l->type);

		comma->left = out;
		comma->right = sema_copy(s, old);
		out = sema_seal(comma);
	}
	return sema_wrap(s, &lets, out);
}

static bool is_wide(const struct dl_node *l)
{
	const struct dl_type *b = dl_type_base(l->type);

	if (b->kind == DL_PTR)
		return true;
	return b->kind == DL_INT && !l->bits &&
	       (b->size == 8 || (l->kind == DL_N_VAR && !l->ident->is_declared));
}

struct dl_node *sema_incdec(struct sema *s, const struct dl_node *n)
{
	struct sema_want want = { .use = SEMA_STEP };
	bool plus = n->op == DL_O_PREINC || n->op == DL_O_POSTINC;
	bool post = n->op == DL_O_POSTINC || n->op == DL_O_POSTDEC;
	const char *op = plus ? "++" : "--";
	struct dl_node *l, *out;
	uint64_t step;

	if (!n->left)
		return NULL;
	l = n->left->kind == DL_N_AGGREF ? sema_agg_ref(s, n->left) :
					   sema_lvalue(s, n->left, &want);
	if (!l)
		return NULL;
	if (sema_is_dynamic(l)) {
		dl_error(s->c, D_OP_DYN, n->range, "operator %s operand cannot be of dynamic type",
			 op);
		return NULL;
	}
	if (!sema_is_scalar(l) && !(sema_is_float(l) && sema_floats_allowed(s))) {
		dl_error(s->c, D_OP_SCALAR, n->range, "operator %s requires operand of scalar type",
			 op);
		return NULL;
	}
	step = step_of(s, n, l, op);
	if (!step || !check_target(s, n->range, l, op))
		return NULL;
	if (!is_wide(l))
		return stepped(s, n, l, plus, post, op);
	out = sema_node(s, DL_N_INCDEC, n->range, l->type);
	out->op = n->op;
	out->left = l;
	out->value = step;
	out->is_writable = l->is_writable; /* *p++ = 1 */
	return sema_seal(out);
}

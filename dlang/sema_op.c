/*
 * Operators: what they take, what they give, and how they are lowered.
 *
 * Pointer arithmetic becomes arithmetic on addresses with the scaling spelled
 * out.  A comparison in which a string takes part compares contents, unless
 * the other side is the null constant.
 */
#include <string.h>

#include "sema_int.h"

static struct dl_node *class_error(struct sema *s, enum dl_tag tag, struct dl_range range,
				   const char *op, bool unary, const char *class)
{
	dl_error(s->c, tag, range,
		 unary ? "operator %s requires an operand of %s type" :
			 "operator %s requires operands of %s type",
		 op, class);
	return NULL;
}

static struct dl_node *dyn_error(struct sema *s, struct dl_range range, const char *op)
{
	dl_error(s->c, D_OP_DYN, range, "operator %s operands cannot be of dynamic type", op);
	return NULL;
}

static struct dl_node *incompat(struct sema *s, struct dl_range range, const char *op,
				struct dl_node *l, struct dl_node *r)
{
	struct dl_diag *d = dl_error(s->c, D_OP_INCOMPAT, range,
				     "operands have incompatible types: \"%s\" %s \"%s\"",
				     sema_type_text(s, l), op, sema_type_text(s, r));

	const struct dl_node *other = dl_type_is_string(l->type) ? r : l;

	if (dl_type_is_string(l->type) == dl_type_is_string(r->type) || !sema_is_integer(other))
		return NULL;
	if (other->kind == DL_N_INT)
		dl_hint(s->c, d, "a string is written in double quotes: \"ls\"");
	else
		dl_hint(s->c, d, "copyinstr() makes a string of an address");
	return NULL;
}

/* --- one operand --- */

static struct dl_node *deref(struct sema *s, const struct dl_node *n, struct dl_node *e)
{
	struct sema_translated *x = sema_as_translated(e);
	struct dl_type *to;

	if (x && x->is_pointer) {
		x = (struct sema_translated *)sema_copy(s, e);
		x->is_pointer = false;
		x->node.type = x->out;
		x->node.range = n->range;
		return &x->node;
	}
	if (sema_is_dynamic(e))
		return dyn_error(s, n->range, "*");
	if (!sema_is_pointer(e)) {
		dl_error(s->c, D_DEREF_NONPTR, n->range, "cannot dereference non-pointer type");
		return NULL;
	}
	to = sema_pointee(s, e);
	if (dl_type_base(to)->kind == DL_FUNC) {
		dl_error(s->c, D_DEREF_FUNC, n->range, "cannot dereference pointer to function");
		return NULL;
	}
	if (dl_type_base(to)->kind == DL_VOID) {
		dl_error(s->c, D_DEREF_VOID, n->range, "cannot dereference pointer to void");
		return NULL;
	}
	(void)sema_complete(s, to);
	return sema_deref_node(s, n->range, sema_convert(s, e, dl_type_ptr(s->ts, to)), to);
}

/* The object an lvalue is part of. */
static const struct dl_node *root_of(const struct dl_node *e)
{
	while (e->kind == DL_N_MEMBER)
		e = e->left;
	return e;
}

static struct dl_node *address_of(struct sema *s, const struct dl_node *n, struct dl_node *e)
{
	const struct dl_node *root = root_of(e);

	if (sema_is_dynamic(e)) {
		dl_error(s->c, D_ADDROF_VAR, n->range, "cannot take address of dynamic object");
		return NULL;
	}
	if (e->kind == DL_N_MEMBER && e->bits) {
		dl_error(s->c, D_ADDROF_BITFIELD, n->range, "cannot take address of bit-field");
		return NULL;
	}
	if (root->kind == DL_N_VAR || root->kind == DL_N_BVAR) {
		dl_error(s->c, D_ADDROF_VAR, n->range, "cannot take address of dynamic variable");
		return NULL;
	}
	if (!e->is_lvalue) {
		dl_error(s->c, D_ADDROF_LVAL, n->range,
			 "unacceptable operand for unary & operator");
		return NULL;
	}
	return sema_addr_node(s, e, dl_type_ptr(s->ts, e->type));
}

static struct dl_node *unary_node(struct sema *s, const struct dl_node *n, struct dl_node *e,
				  struct dl_type *type)
{
	struct dl_node *out = sema_node(s, DL_N_UNARY, n->range, type);

	out->op = n->op;
	out->left = e;
	return sema_seal(out);
}

static struct dl_node *fold_unary(struct sema *s, const struct dl_node *n, struct dl_node *e,
				  struct dl_type *type)
{
	uint64_t v = e->value;
	struct dl_node *out;

	if (n->op == DL_O_NEG)
		v = sema_type_signed(e->type) ? -v : sema_fit(e->type, -v);
	else if (n->op == DL_O_COM)
		v = ~v;
	else if (n->op == DL_O_NOT)
		v = !v;
	out = sema_int(s, n->range, v, type);
	out->attr = e->attr;
	return out;
}

static struct dl_node *negate_float(struct sema *s, const struct dl_node *n, struct dl_node *e)
{
	e = sema_to_float(s, e);
	if (n->op == DL_O_PLUS)
		return e;
	if (e->kind != DL_N_FLOAT)
		return unary_node(s, n, e, sema_basic(s, DL_T_DOUBLE));
	e = sema_copy(s, e);
	e->fvalue = -e->fvalue;
	return e;
}

struct dl_node *sema_unary(struct sema *s, const struct dl_node *n)
{
	const char *op = dl_oper_name(n->op);
	struct dl_node *e = sema_operand(s, n->left, op);

	if (!e)
		return NULL;
	if (n->op == DL_O_DEREF)
		return deref(s, n, e);
	if (n->op == DL_O_ADDROF)
		return address_of(s, n, e);
	if (sema_is_dynamic(e))
		return dyn_error(s, n->range, op);
	if (n->op == DL_O_COM && !sema_is_integer(e))
		return class_error(s, D_OP_INT, n->range, op, true, "integral");
	if (n->op == DL_O_NOT) {
		if (sema_is_float(e) && sema_floats_allowed(s))
			return sema_apply(s, n->range, DL_O_EQ, "==", e,
					  sema_int(s, n->range, 0, sema_basic(s, DL_T_INT)));
		if (!sema_is_scalar(e))
			return class_error(s, D_OP_SCALAR, n->range, op, true, "scalar");
		e = sema_decay(s, e);
	} else if (n->op != DL_O_COM) {
		if (!sema_is_arith(e) || (sema_is_float(e) && !sema_floats_allowed(s)))
			return class_error(s, D_OP_ARITH, n->range, op, true, "arithmetic");
		if (sema_is_float(e))
			return negate_float(s, n, e);
	}
	struct dl_type *type = n->op == DL_O_NOT ? sema_basic(s, DL_T_INT) : e->type;

	if (e->kind == DL_N_INT)
		return fold_unary(s, n, e, type);
	return unary_node(s, n, e, type);
}

/* --- two operands --- */

struct dl_node *sema_scaled(struct sema *s, struct dl_node *index, uint64_t size)
{
	if (size == 1)
		return index;
	return sema_binary_node(s, index->range, DL_O_MUL, index,
				sema_int(s, index->range, size, sema_basic(s, DL_T_LONG)),
				sema_basic(s, DL_T_LONG));
}

static struct dl_node *float_op(struct sema *s, struct dl_range range, enum dl_oper op,
				struct dl_node *l, struct dl_node *r, bool relational)
{
	struct dl_type *type = sema_basic(s, relational ? DL_T_INT : DL_T_DOUBLE);

	return sema_binary_node(s, range, op, sema_to_float(s, l), sema_to_float(s, r), type);
}

static bool float_case(struct sema *s, struct dl_node *l, struct dl_node *r)
{
	return (sema_is_float(l) || sema_is_float(r)) && sema_is_arith(l) && sema_is_arith(r) &&
	       sema_floats_allowed(s);
}

static bool is_zero_divisor(const struct dl_node *r)
{
	return r->kind == DL_N_INT && r->value == 0;
}

static struct dl_node *multiplicative(struct sema *s, struct dl_range range, enum dl_oper op,
				      const char *text, struct dl_node *l, struct dl_node *r)
{
	if (float_case(s, l, r) && op != DL_O_MOD)
		return float_op(s, range, op, l, r, false);
	if (!sema_is_integer(l) || !sema_is_integer(r)) {
		if (op == DL_O_MOD)
			return class_error(s, D_OP_INT, range, text, false, "integral");
		return class_error(s, D_OP_ARITH, range, text, false, "arithmetic");
	}
	if (op != DL_O_MUL && is_zero_divisor(r)) {
		dl_error(s->c, D_DIV_ZERO, range, "expression contains division by zero");
		return NULL;
	}
	return sema_binary_node(s, range, op, l, r, sema_promote(s, l->type, r->type));
}

static struct dl_node *integral(struct sema *s, struct dl_range range, enum dl_oper op,
				const char *text, struct dl_node *l, struct dl_node *r)
{
	bool shift = op == DL_O_SHL || op == DL_O_SHR;

	if (!sema_is_integer(l) || !sema_is_integer(r))
		return class_error(s, D_OP_INT, range, text, false, "integral");
	return sema_binary_node(s, range, op, l, r,
				shift ? l->type : sema_promote(s, l->type, r->type));
}

static struct dl_node *truth(struct sema *s, struct dl_node *e)
{
	if (sema_is_float(e))
		return sema_apply(s, e->range, DL_O_NE, "!=", e,
				  sema_int(s, e->range, 0, sema_basic(s, DL_T_INT)));
	return sema_decay(s, e);
}

static bool is_condition(struct sema *s, const struct dl_node *e)
{
	return sema_is_scalar(e) || (sema_is_float(e) && sema_floats_allowed(s));
}

static struct dl_node *logical(struct sema *s, struct dl_range range, enum dl_oper op,
			       const char *text, struct dl_node *l, struct dl_node *r)
{
	if (!is_condition(s, l) || !is_condition(s, r))
		return class_error(s, D_OP_SCALAR, range, text, false, "scalar");
	return sema_binary_node(s, range, op, truth(s, l), truth(s, r), sema_basic(s, DL_T_INT));
}

static struct dl_node *relational(struct sema *s, struct dl_range range, enum dl_oper op,
				  const char *text, struct dl_node *l, struct dl_node *r)
{
	struct dl_type *type = sema_basic(s, DL_T_INT);
	bool ls = dl_type_is_string(l->type), rs = dl_type_is_string(r->type);

	if (float_case(s, l, r))
		return float_op(s, range, op, l, r, true);
	if (sema_is_integer(l) && sema_is_integer(r))
		return sema_binary_node(s, range, op, l, r, type);
	if ((ls || rs) && dl_type_is_strcompat(l->type) && dl_type_is_strcompat(r->type))
		return sema_binary_node(s, range, op, sema_to_string(s, l), sema_to_string(s, r),
					type);
	if (!sema_ptr_compat(s, l, r) || ((ls || rs) && op != DL_O_EQ && op != DL_O_NE))
		return incompat(s, range, text, l, r);
	struct dl_type *ptr = sema_basic(s, DL_T_VOIDPTR);

	return sema_binary_node(s, range, op, sema_convert(s, l, ptr), sema_convert(s, r, ptr),
				type);
}

/* The element a pointer steps over; 0 after reporting. */
static uint64_t step_size(struct sema *s, struct dl_range range, const char *text,
			  struct dl_node *p)
{
	uint64_t size = sema_size(s, sema_pointee(s, p));

	if (!size)
		dl_error(s->c, D_OP_VFPTR, range, "operator %s requires operand of known size",
			 text);
	return size;
}

static struct dl_node *pointer_offset(struct sema *s, struct dl_range range, enum dl_oper op,
				      const char *text, struct dl_node *p, struct dl_node *i)
{
	uint64_t size = step_size(s, range, text, p);
	bool is_string = dl_type_is_string(p->type);
	struct dl_node *out;

	if (!size)
		return NULL;
	p = sema_convert(s, p, dl_type_ptr(s->ts, sema_pointee(s, p)));
	out = sema_binary_node(s, range, op, p, sema_scaled(s, i, size), p->type);
	out->is_writable = p->is_writable;
	return is_string ? sema_to_string(s, out) : out; /* "abc" + 1 is the string "bc" */
}

static struct dl_node *pointer_difference(struct sema *s, struct dl_range range, const char *text,
					  struct dl_node *l, struct dl_node *r)
{
	struct dl_type *type = sema_basic(s, DL_T_LONG);
	uint64_t size = step_size(s, range, text, l);
	struct dl_node *diff;

	if (!size)
		return NULL;
	if (sema_size(s, sema_pointee(s, r)) != size)
		return incompat(s, range, text, l, r);
	diff = sema_binary_node(s, range, DL_O_SUB,
				sema_convert(s, l, dl_type_ptr(s->ts, sema_pointee(s, l))),
				sema_convert(s, r, dl_type_ptr(s->ts, sema_pointee(s, r))), type);
	if (size == 1)
		return diff;
	return sema_binary_node(s, range, DL_O_DIV, diff, sema_int(s, range, size, type), type);
}

static struct dl_node *additive(struct sema *s, struct dl_range range, enum dl_oper op,
				const char *text, struct dl_node *l, struct dl_node *r)
{
	if (float_case(s, l, r))
		return float_op(s, range, op, l, r, false);
	if (sema_is_float(l) || sema_is_float(r))
		return class_error(s, D_OP_ARITH, range, text, false, "arithmetic");
	if (sema_is_integer(l) && sema_is_integer(r))
		return sema_binary_node(s, range, op, l, r, sema_promote(s, l->type, r->type));
	if (sema_is_pointer(l) && sema_is_integer(r))
		return pointer_offset(s, range, op, text, l, r);
	if (op == DL_O_ADD && sema_is_integer(l) && sema_is_pointer(r))
		return pointer_offset(s, range, op, text, r, l);
	if (op == DL_O_SUB && sema_is_pointer(l) && sema_is_pointer(r) && sema_ptr_compat(s, l, r))
		return pointer_difference(s, range, text, l, r);
	return incompat(s, range, text, l, r);
}

struct dl_node *sema_apply(struct sema *s, struct dl_range range, enum dl_oper op,
			   const char *op_text, struct dl_node *l, struct dl_node *r)
{
	if (!l || !r)
		return NULL;
	if (sema_is_dynamic(l) || sema_is_dynamic(r))
		return dyn_error(s, range, op_text);
	if (l->kind == DL_N_TRANSLATED || r->kind == DL_N_TRANSLATED)
		return incompat(s, range, op_text, l, r);
	switch (op) {
	case DL_O_ADD:
	case DL_O_SUB: return additive(s, range, op, op_text, l, r);
	case DL_O_MUL:
	case DL_O_DIV:
	case DL_O_MOD: return multiplicative(s, range, op, op_text, l, r);
	case DL_O_LAND:
	case DL_O_LOR:
	case DL_O_LXOR: return logical(s, range, op, op_text, l, r);
	case DL_O_EQ:
	case DL_O_NE:
	case DL_O_LT:
	case DL_O_LE:
	case DL_O_GT:
	case DL_O_GE: return relational(s, range, op, op_text, l, r);
	default: return integral(s, range, op, op_text, l, r);
	}
}

/* --- enumerators by the type of the other side --- */

static bool is_relational(enum dl_oper op)
{
	return op >= DL_O_EQ && op <= DL_O_GE;
}

static const struct dl_enumerator *find_enumerator(const struct dl_type *t, const char *name)
{
	for (size_t i = 0; i < t->n_enums; i++) {
		if (!strcmp(t->enums[i].name, name))
			return &t->enums[i];
	}
	return NULL;
}

/* n as the tag of other's enum type, if it is one; else as any expression. */
static struct dl_node *enum_operand(struct sema *s, const struct dl_node *n, enum dl_oper op,
				    const struct dl_node *other)
{
	const struct dl_enumerator *e = NULL;
	const struct dl_ident *id;
	struct dl_type *t;

	if (n && other && n->kind == DL_N_IDENT && dl_type_base(other->type)->kind == DL_ENUM) {
		t = sema_complete(s, other->type);
		e = find_enumerator(t, n->name);
	}
	if (!e)
		return sema_operand(s, n, dl_oper_name(op));
	id = sema_lookup(s, n->name);
	if (id && id->kind != DL_ID_ENUM) {
		dl_error(s->c, D_IDENT_AMBIG, n->range,
			 "ambiguous use of operator %s: %s is both a %s enum tag and a global %s",
			 dl_oper_name(op), n->name, dl_type_name(s->ts, other->type),
			 sema_kind_word(id));
		return NULL;
	}
	return sema_int(s, n->range, (uint64_t)e->value, other->type);
}

static bool is_plain_name(const struct dl_node *n)
{
	return n->kind == DL_N_IDENT && n->name && !strchr(n->name, '`');
}

/* Could the left side be a tag of the right side's enum?  Then the right goes first. */
static bool right_first(struct sema *s, const struct dl_node *n)
{
	if (!is_relational(n->op) || !is_plain_name(n->left) || n->right->kind == DL_N_INT)
		return false;
	return !is_plain_name(n->right) || !sema_lookup(s, n->left->name);
}

/* execname == ls: the quotes are missing, it seems. */
static void hint_quotes(struct sema *s, const struct dl_node *l, const struct dl_node *right)
{
	struct dl_diags *all = &s->c->diags;
	struct dl_diag *d = all->list.n ? &all->list.items[all->list.n - 1] : NULL;

	if (d && d->tag == D_IDENT_UNDEF && !d->hint && l && dl_type_is_string(l->type) &&
	    right->kind == DL_N_IDENT && !strchr(right->name, '`'))
		dl_hint(s->c, d, "a string is written in double quotes: \"%s\"", right->name);
}

struct dl_node *sema_binary(struct sema *s, const struct dl_node *n)
{
	const char *op = dl_oper_name(n->op);
	struct dl_node *l, *r;

	if (!n->left || !n->right)
		return NULL;
	if (right_first(s, n)) {
		r = sema_operand(s, n->right, op);
		l = enum_operand(s, n->left, n->op, r);
	} else {
		l = sema_operand(s, n->left, op);
		r = is_relational(n->op) ? enum_operand(s, n->right, n->op, l) :
					   sema_operand(s, n->right, op);
		if (!r && is_relational(n->op))
			hint_quotes(s, l, n->right);
	}
	return sema_apply(s, n->range, n->op, op, l, r);
}

/* --- ?: --- */

/* The common type of both branches, or NULL; both are converted to it. */
static struct dl_type *branch_type(struct sema *s, struct dl_node **l, struct dl_node **r)
{
	struct dl_type *string = sema_basic(s, DL_T_STRING);
	bool ls = dl_type_is_string((*l)->type), rs = dl_type_is_string((*r)->type);

	if (sema_is_integer(*l) && sema_is_integer(*r))
		return sema_promote(s, (*l)->type, (*r)->type);
	if (float_case(s, *l, *r)) {
		*l = sema_to_float(s, *l);
		*r = sema_to_float(s, *r);
		return sema_basic(s, DL_T_DOUBLE);
	}
	if (((ls || rs) && dl_type_is_strcompat((*l)->type) && dl_type_is_strcompat((*r)->type)) ||
	    (ls && sema_is_null(*r)) || (rs && sema_is_null(*l))) {
		*l = sema_to_string(s, *l);
		*r = sema_to_string(s, *r);
		return string;
	}
	if (dl_type_is_sou((*l)->type) && sema_arg_compat(s, (*l)->type, *r))
		return (*l)->type;
	if (!sema_ptr_compat(s, *l, *r))
		return NULL;
	*l = sema_decay(s, *l);
	*r = sema_decay(s, *r);
	return sema_is_null(*l) ? (*r)->type : (*l)->type;
}

struct dl_node *sema_cond(struct sema *s, const struct dl_node *n)
{
	struct dl_node *c = sema_operand(s, n->left, "?:"), *l, *r, *out;
	struct dl_type *type;

	if (c && c->kind == DL_N_INT)
		return sema_expr(s, c->value ? n->right : n->third);
	l = sema_operand(s, n->right, "?:");
	r = sema_operand(s, n->third, "?:");
	if (!c || !l || !r)
		return NULL;
	if (!is_condition(s, c)) {
		dl_error(s->c, D_OP_SCALAR, n->range,
			 "operator ?: expression must be of scalar type");
		return NULL;
	}
	if (sema_is_dynamic(l) || sema_is_dynamic(r) || l->kind == DL_N_TRANSLATED ||
	    r->kind == DL_N_TRANSLATED)
		return dyn_error(s, n->range, "?:");
	type = branch_type(s, &l, &r);
	if (!type) {
		dl_error(s->c, D_OP_INCOMPAT, n->range,
			 "operator ?: operands must have compatible types: \"%s\" : \"%s\"",
			 sema_type_text(s, l), sema_type_text(s, r));
		return NULL;
	}
	if (!sema_check_scratch_mix(s, n->range, l, r))
		return NULL;
	out = sema_node(s, DL_N_COND, n->range, type);
	out->left = truth(s, c);
	out->right = l;
	out->third = r;
	out->is_writable = l->is_writable && r->is_writable;
	return sema_seal(out);
}

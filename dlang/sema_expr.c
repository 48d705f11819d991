/*
 * Checking expressions: the dispatcher, and the kinds that need no file of
 * their own: literals, casts, sizeof and its kin, member access, subscripts.
 */
#include <string.h>

#include "parse.h"
#include "sema_int.h"

static struct dl_node *literal(struct sema *s, const struct dl_node *n)
{
	struct dl_node *out;

	if (n->kind == DL_N_INT)
		return sema_int(s, n->range, n->value, n->type);
	if (n->kind == DL_N_FLOAT && !sema_floats_allowed(s)) {
		dl_error(s->c, D_SYNTAX, n->range, "floating-point constants are not permitted");
		return NULL;
	}
	out = sema_copy(s, n);
	out->attr = DL_ATTR_MAX;
	if (!out->type)
		out->type = sema_basic(s, n->kind == DL_N_FLOAT ? DL_T_DOUBLE : DL_T_STRING);
	return out;
}

struct dl_node *sema_operand(struct sema *s, const struct dl_node *n, const char *op)
{
	if (sema_is_action_call(s, n)) {
		dl_error(s->c, D_OP_ACT, n->range, "operator %s operands cannot be actions", op);
		return NULL;
	}
	return sema_expr(s, n);
}

static struct dl_node *comma(struct sema *s, const struct dl_node *n)
{
	struct dl_node *l = sema_operand(s, n->left, ",");
	struct dl_node *r = sema_operand(s, n->right, ",");
	struct dl_node *out;

	if (!l || !r)
		return NULL;
	if (sema_is_dynamic(l) || sema_is_dynamic(r)) {
		dl_error(s->c, D_OP_DYN, n->range, "operator , operands cannot be of dynamic type");
		return NULL;
	}
	if (r->kind == DL_N_TRANSLATED || l->kind == DL_N_TRANSLATED)
		return r; /* nothing of a translation is computed before a member is */
	out = sema_node(s, DL_N_COMMA, n->range, r->type);
	out->left = l;
	out->right = r;
	out->is_writable = r->is_writable;
	return sema_seal(out);
}

/* --- casts and their kin --- */

static bool cast_allowed(struct sema *s, struct dl_node *n, struct dl_type *to)
{
	bool from_scalar = sema_is_scalar(n) || dl_type_base(n->type)->kind == DL_FUNC;

	if (dl_type_base(to)->kind == DL_VOID)
		return true;
	if (sema_is_dynamic(n) || sema_is_void(n))
		return false;
	if (dl_type_is_string(to))
		return dl_type_is_strcompat(n->type) || sema_is_null(n);
	if (dl_type_is_float(to) || sema_is_float(n))
		return sema_floats_allowed(s) && sema_is_arith(n) &&
		       (dl_type_is_float(to) || dl_type_is_integer(to));
	if (dl_type_is_sou(to))
		return dl_type_is_sou(n->type) && dl_type_equal(to, n->type);
	if (dl_type_is_integer(to))
		return from_scalar || dl_type_is_string(n->type);
	if (dl_type_base(to)->kind == DL_PTR)
		return from_scalar || dl_type_is_string(n->type);
	return false;
}

static struct dl_node *cast(struct sema *s, const struct dl_node *n)
{
	struct dl_type *to = n->type ? n->type : n->right ? n->right->type : NULL;
	struct dl_node *e = sema_operand(s, n->left, "(cast)"), *out;

	if (!e || !to)
		return NULL;
	(void)sema_complete(s, to);
	if (!cast_allowed(s, e, to)) {
		dl_error(s->c, D_CAST_INVAL, n->range, "invalid cast expression: \"%s\" to \"%s\"",
			 sema_type_text(s, e), dl_type_name(s->ts, to));
		return NULL;
	}
	if (dl_type_is_string(to))
		return sema_to_string(s, e);
	if (dl_type_is_sou(to))
		return e;
	e = sema_decay(s, e);
	if (dl_type_is_integer(to) && dl_type_base(to)->is_bool && !sema_is_float(e))
		e = sema_apply(s, n->range, DL_O_NE, "!=", e,
			       sema_int(s, n->range, 0, sema_basic(s, DL_T_INT)));
	if (!e)
		return NULL;
	out = sema_cast_node(s, e, to);
	out->range = n->range;
	out->is_writable = dl_type_base(to)->kind == DL_PTR;
	return out;
}

static struct dl_node *size_of(struct sema *s, const struct dl_node *n)
{
	struct dl_type *size_type = sema_basic(s, DL_T_SIZE);
	struct dl_type *t;
	struct dl_node *e = NULL;
	uint64_t size;

	if (!n->left)
		return NULL;
	if (n->left->kind == DL_N_TYPE) {
		t = n->left->type;
	} else {
		bool outer = s->is_sizeof;

		s->is_sizeof = true;
		e = sema_operand(s, n->left, "sizeof");
		s->is_sizeof = outer;
		if (!e)
			return NULL;
		t = e->type;
	}
	if (!t)
		return NULL;
	if (e && e->kind == DL_N_MEMBER && e->bits) {
		dl_error(s->c, D_SIZEOF_BITFIELD, n->range, "cannot apply sizeof to a bit-field");
		return NULL;
	}
	size = sema_size(s, t);
	if (e && dl_type_base(t)->kind == DL_FUNC && e->ident)
		size = e->ident->size;
	if (e && e->kind == DL_N_STR) /* a literal has its own size, as in C */
		size = (uint64_t)e->str_len + 1;
	if (!size) {
		dl_error(s->c, D_SIZEOF_TYPE, n->range,
			 "cannot apply sizeof to an operand of unknown size");
		return NULL;
	}
	return sema_int(s, n->range, size, size_type);
}

static struct dl_node *string_of(struct sema *s, const struct dl_node *n)
{
	struct dl_node *e = sema_operand(s, n->left, "stringof");

	if (!e)
		return NULL;
	if (dl_type_is_strcompat(e->type) || sema_is_scalar(e))
		return sema_to_string(s, e);
	dl_error(s->c, D_STRINGOF_TYPE, n->range, "cannot apply stringof to a value of type %s",
		 sema_type_text(s, e));
	return NULL;
}

void sema_hint_member(struct sema *s, struct dl_diag *d, const struct dl_type *t, const char *name)
{
	struct dl_nearest near = { .word = name };

	for (size_t i = 0; i < t->n_members; i++) {
		if (t->members[i].name)
			dl_nearest_consider(&near, t->members[i].name);
	}
	if (near.best)
		dl_hint(s->c, d, "did you mean %s?", near.best);
}

static struct dl_node *offset_of(struct sema *s, const struct dl_node *n)
{
	struct dl_type *t = n->left ? n->left->type : NULL, *b;
	const struct dl_member *m;
	uint64_t bit;

	if (!t || !n->name)
		return NULL;
	b = sema_complete(s, t);
	if (b->kind != DL_STRUCT && b->kind != DL_UNION) {
		dl_error(s->c, D_OFFSETOF_TYPE, n->range,
			 "offsetof operand must be a struct or union type");
		return NULL;
	}
	m = dl_type_member(b, n->name, &bit);
	if (!m) {
		/* The classic compiler leaves this one to its type system: no tag of its own. */
		sema_hint_member(s,
				 dl_error(s->c, D_UNKNOWN, n->range,
					  "failed to determine offset "
					  "of %s: %s has no such member",
					  n->name, dl_type_name(s->ts, t)),
				 b, n->name);
		return NULL;
	}
	if (m->bits) {
		dl_error(s->c, D_OFFSETOF_BITFIELD, n->range,
			 "cannot take offset of a bit-field: %s", n->name);
		return NULL;
	}
	return sema_int(s, n->range, bit / 8, sema_basic(s, DL_T_SIZE));
}

/* --- members --- */

/* The struct that of.name or of->name looks into, completed; NULL after reporting. */
static struct dl_type *member_base(struct sema *s, struct dl_range range, struct dl_node *of,
				   bool arrow)
{
	struct dl_type *t = of->type;
	struct dl_type *b = dl_type_base(t);
	const char *op = arrow ? "->" : ".";

	if (arrow) {
		if (b->kind != DL_PTR && b->kind != DL_ARRAY) {
			struct dl_diag *d = dl_error(s->c, D_OP_PTR, range,
						     "operator -> must be applied to a pointer");

			if (dl_type_is_sou(t))
				dl_hint(s->c, d, "it is a %s: use .", dl_type_name(s->ts, t));
			return NULL;
		}
		t = b->ref;
	}
	b = sema_complete(s, t);
	if (b->kind == DL_FORWARD && b->forward_of != DL_ENUM) {
		struct dl_diag *d =
			dl_error(s->c, D_OP_INCOMPLETE, range,
				 "operator %s cannot be applied to a forward declaration: "
				 "no %s definition is available",
				 op, dl_type_name(s->ts, b));
		if (dl_kernel_type_is_struct(dl_type_name(s->ts, b)))
			dl_hint(s->c, d,
				"it is a type of the kernel, which cannot be looked into; "
				"curpsinfo, curlwpsinfo and fds[] tell of processes, threads "
				"and files");
		return NULL;
	}
	if (b->kind == DL_STRUCT || b->kind == DL_UNION)
		return t;
	if (arrow)
		dl_error(s->c, D_OP_SOU, range,
			 "operator -> cannot be applied to pointer to type \"%s\"; "
			 "must be applied to a struct or union pointer",
			 dl_type_name(s->ts, t));
	else
		dl_error(s->c, D_OP_SOU, range,
			 "operator . cannot be applied to type \"%s\"; "
			 "must be applied to a struct or union",
			 sema_type_text(s, of));
	return NULL;
}

struct dl_node *sema_member_of(struct sema *s, struct dl_range range, struct dl_node *of,
			       const char *name, const char *op)
{
	struct sema_translated *x = sema_as_translated(of);
	bool arrow = !strcmp(op, "->");
	const struct dl_member *m;
	struct dl_type *t;
	uint64_t bit;

	if (x && x->is_pointer == arrow)
		return sema_translated_member(s, range, x, name);
	if (sema_is_dynamic(of)) {
		dl_error(s->c, D_OP_DYN, range, "operator %s operands cannot be of dynamic type",
			 op);
		return NULL;
	}
	t = member_base(s, range, of, arrow);
	if (!t)
		return NULL;
	m = dl_type_member(dl_type_base(t), name, &bit);
	if (!m) {
		sema_hint_member(s,
				 dl_error(s->c, D_TYPE_MEMBER, range, "%s is not a member of %s",
					  name, dl_type_name(s->ts, t)),
				 dl_type_base(t), name);
		return NULL;
	}
	if (arrow)
		of = sema_deref_node(s, range, sema_decay(s, of), t);
	return sema_member_node(s, range, of, m, bit);
}

static struct dl_node *member(struct sema *s, const struct dl_node *n)
{
	const char *op = n->kind == DL_N_ARROW ? "->" : ".";
	struct dl_node *of;

	if (n->kind == DL_N_ARROW && sema_scope_of(n->left) >= 0) {
		struct sema_want want = { .use = SEMA_READ };

		return sema_scoped_var(s, n, (enum dl_scope)sema_scope_of(n->left), &want);
	}
	if (n->kind == DL_N_DOT && n->name && n->left->kind == DL_N_IDENT && n->left->name) {
		const struct dl_ident *id = sema_lookup(s, n->left->name);

		if (id && id->kind == DL_ID_ARGS)
			return sema_args_named(s, n);
	}
	of = sema_operand(s, n->left, op);
	if (!of || !n->name)
		return NULL;
	return sema_member_of(s, n->range, of, n->name, op);
}

/* --- subscripts --- */

static struct dl_node *bounded(struct sema *s, struct dl_node *index, uint64_t n_elems)
{
	struct dl_node *out;

	if (index->kind == DL_N_INT) {
		if (index->value < n_elems)
			return index;
		dl_error(s->c, D_ARR_BOUNDS, index->range,
			 "index outside array bounds: %lld, max is %llu", (long long)index->value,
			 (unsigned long long)n_elems);
		return NULL;
	}
	if (n_elems > INT32_MAX)
		return index;
	out = sema_node(s, DL_N_BOUNDS, index->range, index->type);
	out->left = index;
	out->value = n_elems;
	return sema_seal(out);
}

struct dl_node *sema_subscript(struct sema *s, struct dl_range range, struct dl_node *base,
			       const struct dl_node *args, const char *name)
{
	struct dl_type *b, *elem;
	struct dl_node *index;

	if (!args || args->next) {
		dl_error(s->c, D_ARR_BADREF, range, "cannot access %s as an associative array",
			 name ? name : "expression");
		return NULL;
	}
	index = sema_operand(s, args, "[]");
	if (!index)
		return NULL;
	/* 1[p], as in C; n["key"] is a mistake. */
	if (sema_is_integer(base) && sema_is_pointer(index) && !dl_type_is_string(index->type)) {
		struct dl_node *number = base;

		base = index;
		index = number;
	}
	b = dl_type_base(base->type);
	if (sema_is_dynamic(base) || sema_is_dynamic(index)) {
		dl_error(s->c, D_OP_DYN, range, "operator [] operands cannot be of dynamic type");
		return NULL;
	}
	if (!sema_is_pointer(base)) {
		dl_error(s->c, D_DEREF_NONPTR, range, "cannot dereference non-pointer type");
		return NULL;
	}
	if (!sema_is_integer(index)) {
		dl_error(s->c, D_OP_INCOMPAT, range,
			 "operands have incompatible types: \"%s\" [ \"%s\"",
			 sema_type_text(s, base), sema_type_text(s, index));
		return NULL;
	}
	elem = sema_pointee(s, base);
	if (!sema_size(s, elem)) {
		dl_error(s->c, D_OP_VFPTR, range, "operator [] requires operand of known size");
		return NULL;
	}
	if (b->kind == DL_ARRAY && b->n_elems) {
		index = bounded(s, index, b->n_elems);
		if (!index)
			return NULL;
	}
	base = sema_convert(s, base, dl_type_ptr(s->ts, elem));
	index = sema_scaled(s, index, sema_size(s, elem));
	struct dl_node *sum = sema_is_null(index) ?
				      base :
				      sema_binary_node(s, range, DL_O_ADD, base, index, base->type);

	sum->is_writable = base->is_writable;
	return sema_deref_node(s, range, sum, elem);
}

/* --- the dispatcher --- */

static bool spend(struct sema *s, const struct dl_node *n)
{
	if (s->budget) {
		s->budget--;
		return true;
	}
	if (!s->over_budget)
		dl_error(s->c, D_UNKNOWN, n->range,
			 "expression is too large after expansion of inlines and translators");
	s->over_budget = true;
	return false;
}

static struct dl_node *misplaced(struct sema *s, const struct dl_node *n)
{
	dl_error(s->c, D_SYNTAX, n->range, "syntax error: %s may not be used as an expression",
		 dl_node_kind_name(n->kind));
	return NULL;
}

/* Documented switch: one line per kind. */
struct dl_node *sema_expr(struct sema *s, const struct dl_node *n)
{
	static const struct sema_want read = { .use = SEMA_READ };

	if (!n || !spend(s, n))
		return NULL;
	if (s->quiet &&
	    (n->kind == DL_N_ASSIGN || n->kind == DL_N_INCDEC || n->kind == DL_N_AGGREF))
		return NULL;
	switch (n->kind) {
	case DL_N_INT:
	case DL_N_FLOAT:
	case DL_N_STR: return literal(s, n);
	case DL_N_IDENT: return sema_ident(s, n, &read);
	case DL_N_AGGREF: return sema_agg_ref(s, n);
	case DL_N_UNARY: return sema_unary(s, n);
	case DL_N_BINARY: return sema_binary(s, n);
	case DL_N_COND: return sema_cond(s, n);
	case DL_N_ASSIGN: return sema_assign(s, n);
	case DL_N_INCDEC: return sema_incdec(s, n);
	case DL_N_COMMA: return comma(s, n);
	case DL_N_CAST: return cast(s, n);
	case DL_N_SIZEOF: return size_of(s, n);
	case DL_N_STRINGOF: return string_of(s, n);
	case DL_N_OFFSETOF: return offset_of(s, n);
	case DL_N_XLATE: return sema_xlate(s, n);
	case DL_N_INDEX: return sema_index(s, n, &read);
	case DL_N_DOT:
	case DL_N_ARROW: return member(s, n);
	case DL_N_CALL: return sema_call(s, n);
	default: return misplaced(s, n);
	}
}

struct dl_node *sema_traced(struct sema *s, const struct dl_node *n, struct dl_value_desc *ret)
{
	struct dl_node *e;

	if (sema_is_action_call(s, n)) {
		struct dl_ident *id = sema_lookup(s, n->name);

		switch (id->action) {
		case DL_A_STACK:
		case DL_A_USTACK:
		case DL_A_JSTACK:
		case DL_A_UADDR:
		case DL_A_USYM:
		case DL_A_UFUNC:
		case DL_A_UMOD: return sema_stack_data(s, n, id, ret);
		default: break;
		}
	}
	e = sema_expr(s, n);
	if (!e)
		return NULL;
	if (dl_type_base(e->type)->kind == DL_FUNC)
		e = sema_decay(s, e);
	sema_value_desc(s, e->type, ret);
	if (ret->kind == DL_VK_INT && dl_type_is_integer(e->type))
		e = sema_convert(s, e, e->type);
	return e;
}

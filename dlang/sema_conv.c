/*
 * Types of operands: what they are, what goes together, and how one becomes
 * another.
 *
 * Values are computed in 64 bits and not cut to their nominal type; a CAST is
 * made only where bits may change.  A string value is the address of its
 * bytes.
 */
#include "sema_int.h"

struct dl_type *sema_basic(struct sema *s, enum dl_basic which)
{
	return dl_types_basic(s->ts, which);
}

const char *sema_type_text(struct sema *s, const struct dl_node *n)
{
	const struct dl_type *t = dl_type_base(n->type);

	if (n->kind == DL_N_AGGREF)
		return "aggregation";
	if (n->kind == DL_N_TRANSLATED && t->kind == DL_DYN)
		return "pointer to translated data";
	if (t->kind == DL_DYN)
		return "dynamic variable";
	return dl_type_name(s->ts, n->type);
}

struct dl_type *sema_complete(struct sema *s, struct dl_type *t)
{
	const struct dl_host *h = s->c->config.host;
	struct dl_type *b = dl_type_base(t);
	bool lazy = b->kind == DL_FORWARD || (b->host_data && !b->n_members && !b->n_enums);

	if (lazy && h && h->type_complete)
		(void)h->type_complete(h->ctx, s->ts, b);
	return dl_type_base(t);
}

uint64_t sema_size(struct sema *s, struct dl_type *t)
{
	struct dl_type *b = sema_complete(s, t);

	switch (b->kind) {
	case DL_VOID:
	case DL_FUNC:
	case DL_FORWARD:
	case DL_DYN:
	case DL_STACK: return 0;
	case DL_ARRAY: (void)sema_size(s, b->ref); return dl_type_size(s->ts, b);
	default: return dl_type_size(s->ts, b);
	}
}

static bool is_qualifier(const struct dl_type *t)
{
	return t->kind == DL_CONST || t->kind == DL_VOLATILE || t->kind == DL_RESTRICT;
}

struct dl_type *sema_unqualified(struct dl_type *t)
{
	while (is_qualifier(t))
		t = t->ref;
	return t;
}

bool sema_is_const_type(struct dl_type *t)
{
	while (is_qualifier(t) || t->kind == DL_TYPEDEF) {
		if (t->kind == DL_CONST)
			return true;
		t = t->ref;
	}
	return false;
}

bool sema_is_null(const struct dl_node *n)
{
	return n->kind == DL_N_INT && n->value == 0;
}

bool sema_is_dynamic(const struct dl_node *n)
{
	return dl_type_base(n->type)->kind == DL_DYN;
}

bool sema_is_void(const struct dl_node *n)
{
	return dl_type_base(n->type)->kind == DL_VOID;
}

bool sema_is_integer(const struct dl_node *n)
{
	return dl_type_is_integer(n->type);
}

bool sema_is_float(const struct dl_node *n)
{
	return dl_type_is_float(n->type);
}

bool sema_floats_allowed(struct sema *s)
{
	const struct dl_options *o = s->c->config.options;

	return !o || (dl_option(o, DL_OPT_STRICT) != 1 && dl_option(o, DL_OPT_ERRTAGS) != 1);
}

bool sema_is_arith(const struct dl_node *n)
{
	return sema_is_integer(n) || sema_is_float(n);
}

bool sema_is_pointer(const struct dl_node *n)
{
	return dl_type_is_pointer(n->type) || dl_type_is_string(n->type);
}

bool sema_is_scalar(const struct dl_node *n)
{
	return dl_type_is_scalar(n->type);
}

struct dl_type *sema_pointee(struct sema *s, const struct dl_node *n)
{
	struct dl_type *b = dl_type_base(n->type);

	return b->kind == DL_STRING ? sema_basic(s, DL_T_CHAR) : b->ref;
}

bool sema_type_signed(struct dl_type *t)
{
	t = dl_type_base(t);
	return t->kind == DL_ENUM || (t->kind == DL_INT && t->is_signed);
}

/* The integer type of the higher rank: wider, else unsigned, else defined later. */
struct dl_type *sema_promote(struct sema *s, struct dl_type *a, struct dl_type *b)
{
	struct dl_type *ta = dl_type_base(a), *tb = dl_type_base(b);
	uint64_t ra, rb;

	if (ta->kind == DL_ENUM)
		a = ta = sema_basic(s, DL_T_INT);
	if (tb->kind == DL_ENUM)
		b = tb = sema_basic(s, DL_T_INT);
	if (ta->kind != DL_INT)
		return b;
	if (tb->kind != DL_INT)
		return a;
	ra = ta->size * 8 + !ta->is_signed;
	rb = tb->size * 8 + !tb->is_signed;
	if (ra != rb)
		return ra > rb ? a : b;
	return tb->rank > ta->rank ? b : a;
}

static bool same_pointee(struct dl_type *a, struct dl_type *b)
{
	a = dl_type_base(a);
	b = dl_type_base(b);
	if (a->kind == DL_INT && b->kind == DL_INT)
		return a->size == b->size && (a->is_signed == b->is_signed || a->is_char);
	if (a->kind == DL_PTR && b->kind == DL_PTR)
		return dl_type_base(a->ref)->kind == DL_VOID ||
		       dl_type_base(b->ref)->kind == DL_VOID || same_pointee(a->ref, b->ref);
	/* The same tag seen through two objects, or declared and read from the target. */
	if (a->name && b->name && a->name[0] && !__builtin_strcmp(a->name, b->name) &&
	    (a->kind == b->kind || a->kind == DL_FORWARD || b->kind == DL_FORWARD))
		return true;
	return dl_type_equal(a, b);
}

/* Two pointers that may meet: void *, the null constant, or like pointees. */
bool sema_ptr_compat(struct sema *s, const struct dl_node *a, const struct dl_node *b)
{
	bool pa = sema_is_pointer(a) || dl_type_base(a->type)->kind == DL_FUNC;
	bool pb = sema_is_pointer(b) || dl_type_base(b->type)->kind == DL_FUNC;
	struct dl_type *ta, *tb;

	/* What is 0 by a cast to a pointer is no null constant for an integer to meet. */
	if (!pa || !pb)
		return (pa && sema_is_null(b)) || (pb && sema_is_null(a));
	if (sema_is_null(a) || sema_is_null(b))
		return true;
	ta = dl_type_base(a->type)->kind == DL_FUNC ? a->type : sema_pointee(s, a);
	tb = dl_type_base(b->type)->kind == DL_FUNC ? b->type : sema_pointee(s, b);
	if (dl_type_base(ta)->kind == DL_VOID || dl_type_base(tb)->kind == DL_VOID)
		return true;
	return same_pointee(ta, tb);
}

bool sema_arg_compat(struct sema *s, struct dl_type *want, const struct dl_node *n)
{
	struct dl_node model = { .kind = DL_N_CAST, .type = want };
	enum dl_kind kind = dl_type_base(want)->kind;

	if (dl_type_is_integer(want) && sema_is_integer(n))
		return true;
	if (dl_type_is_strcompat(want) && dl_type_is_strcompat(n->type))
		return true;
	if (dl_type_is_float(want))
		return sema_is_float(n) || (sema_is_integer(n) && sema_floats_allowed(s));
	if (dl_type_is_integer(want) && sema_is_float(n))
		return sema_floats_allowed(s);
	switch (kind) {
	case DL_STACK:
	case DL_SYMADDR:
	case DL_USYMADDR: return dl_type_base(n->type)->kind == kind;
	case DL_STRUCT:
	case DL_UNION:
	case DL_FORWARD: return dl_type_is_sou(n->type) && same_pointee(want, n->type);
	default: return sema_ptr_compat(s, &model, n);
	}
}

bool sema_assign_compat(struct sema *s, struct dl_type *want, const struct dl_node *n)
{
	return !sema_is_void(n) && !sema_is_dynamic(n) && sema_arg_compat(s, want, n);
}

struct dl_node *sema_decay(struct sema *s, struct dl_node *n)
{
	struct dl_type *b = dl_type_base(n->type);

	if (b->kind == DL_ARRAY)
		return sema_addr_node(s, n, dl_type_ptr(s->ts, b->ref));
	if (b->kind == DL_FUNC)
		return sema_addr_node(s, n, dl_type_ptr(s->ts, n->type));
	return n;
}

struct dl_node *sema_to_string(struct sema *s, struct dl_node *n)
{
	struct dl_node *str;

	if (dl_type_is_string(n->type))
		return n;
	if (sema_is_null(n))
		return sema_int(s, n->range, 0, sema_basic(s, DL_T_STRING));
	str = sema_node(s, DL_N_STRINGOF, n->range, sema_basic(s, DL_T_STRING));
	str->left = n;
	return sema_seal(str);
}

struct dl_node *sema_to_float(struct sema *s, struct dl_node *n)
{
	struct dl_node *f;

	if (dl_type_base(n->type)->kind == DL_FLOAT)
		return n;
	if (n->kind == DL_N_INT) {
		f = sema_node(s, DL_N_FLOAT, n->range, sema_basic(s, DL_T_DOUBLE));
		f->fvalue =
			sema_type_signed(n->type) ? (double)(int64_t)n->value : (double)n->value;
		return f;
	}
	return sema_cast_node(s, n, sema_basic(s, DL_T_DOUBLE));
}

/* Are the value's 64 bits sure to be within its nominal type? */
static bool is_extended(const struct dl_node *n)
{
	switch (n->kind) {
	case DL_N_VAR: return n->ident->is_declared;
	case DL_N_BVAR:
	case DL_N_DEREF:
	case DL_N_MEMBER:
	case DL_N_CAST:
	case DL_N_CALL: return true;
	case DL_N_BINARY: return n->op >= DL_O_LAND && n->op <= DL_O_GE;
	case DL_N_UNARY: return n->op == DL_O_NOT;
	default: return false;
	}
}

static bool fits(const struct dl_node *n, const struct dl_type *t)
{
	const struct dl_type *own = dl_type_base(n->type);

	if ((own->kind != DL_INT && own->kind != DL_ENUM) || !is_extended(n))
		return false;
	bool own_signed = sema_type_signed(n->type);
	bool want_signed = t->kind == DL_ENUM || t->is_signed;

	if (t->size > own->size)
		return !own_signed || want_signed;
	return t->size == own->size && own_signed == want_signed;
}

struct dl_node *sema_convert(struct sema *s, struct dl_node *n, struct dl_type *t)
{
	struct dl_type *b = dl_type_base(t);

	switch (b->kind) {
	case DL_STRING: return sema_to_string(s, n);
	case DL_FLOAT: return sema_to_float(s, n);
	case DL_INT:
	case DL_ENUM:
		if (sema_is_float(n) || n->kind == DL_N_INT)
			return sema_cast_node(s, n, t);
		n = sema_decay(s, n);
		if (b->size >= 8 || fits(n, b))
			return n;
		return sema_cast_node(s, n, t);
	case DL_PTR:
		n = sema_decay(s, n);
		if (dl_type_is_string(n->type) || n->kind == DL_N_INT)
			return sema_cast_node(s, n, t);
		return n;
	default: return n;
	}
}

void sema_value_desc(struct sema *s, struct dl_type *t, struct dl_value_desc *ret)
{
	const struct dl_type *b = sema_complete(s, t);

	*ret = (struct dl_value_desc){ .type = t };
	switch (b->kind) {
	case DL_INT:
	case DL_ENUM:
		ret->kind = DL_VK_INT;
		ret->size = b->size ? (uint32_t)b->size : 4;
		ret->is_signed = sema_type_signed(t);
		break;
	case DL_STRING:
		ret->kind = DL_VK_STRING;
		ret->size = (uint32_t)dl_types_strsize(s->ts);
		break;
	case DL_FLOAT:
		ret->kind = DL_VK_FLOAT;
		ret->size = (uint32_t)b->size;
		break;
	case DL_STRUCT:
	case DL_UNION:
	case DL_ARRAY:
		ret->kind = DL_VK_BYTES;
		ret->size = (uint32_t)sema_size(s, t);
		break;
	case DL_FORWARD: /* nothing is known of it: no size, no value */
		ret->kind = DL_VK_BYTES;
		break;
	default:
		ret->kind = DL_VK_INT;
		ret->size = 8;
		break;
	}
}

/*
 * Making lowered nodes.
 *
 * Every node is sealed when its operands are in place: its attributes are then
 * the minimum of its own and theirs.  A node may be shared by two parents (the
 * lvalue of a compound assignment), but never stand in two lists; what is
 * substituted for a name is therefore copied.
 */
#include "sema_int.h"

struct dl_node *sema_node(struct sema *s, enum dl_node_kind kind, struct dl_range range,
			  struct dl_type *type)
{
	struct dl_node *n = dl_node_new(s->a, kind, range);

	n->type = type;
	n->attr = DL_ATTR_MAX;
	return n;
}

struct dl_node *sema_copy(struct sema *s, const struct dl_node *n)
{
	size_t size = n->kind == DL_N_TRANSLATED ? sizeof(struct sema_translated) : sizeof(*n);
	struct dl_node *copy = arena_alloc(s->a, size);

	__builtin_memcpy(copy, n, size);
	copy->next = NULL;
	return copy;
}

struct dl_node *sema_seal(struct dl_node *n)
{
	const struct dl_node *const parts[] = { n->left, n->right, n->third };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (parts[i])
			n->attr = dl_attr_min(n->attr, parts[i]->attr);
	}
	for (const struct dl_node *a = n->args; a; a = a->next)
		n->attr = dl_attr_min(n->attr, a->attr);
	return n;
}

struct dl_node *sema_int(struct sema *s, struct dl_range range, uint64_t value,
			 struct dl_type *type)
{
	struct dl_node *n = sema_node(s, DL_N_INT, range, type);

	n->value = value;
	n->is_const_int = true;
	return n;
}

struct dl_node *sema_binary_node(struct sema *s, struct dl_range range, enum dl_oper op,
				 struct dl_node *l, struct dl_node *r, struct dl_type *type)
{
	struct dl_node *n;
	uint64_t v;

	if (l->kind == DL_N_INT && r->kind == DL_N_INT) {
		bool shift = op == DL_O_SHL || op == DL_O_SHR;
		bool ints = dl_type_is_integer(l->type) && dl_type_is_integer(r->type);
		bool is_signed =
			shift ? sema_type_signed(l->type) :
				ints && sema_type_signed(sema_promote(s, l->type, r->type));

		if (sema_fold(op, l->value, r->value, is_signed, &v)) {
			n = sema_int(s, range, v, type);
			n->attr = dl_attr_min(l->attr, r->attr);
			return n;
		}
	}
	n = sema_node(s, DL_N_BINARY, range, type);
	n->op = op;
	n->left = l;
	n->right = r;
	return sema_seal(n);
}

struct dl_node *sema_cast_node(struct sema *s, struct dl_node *n, struct dl_type *type)
{
	struct dl_node *cast;

	if (n->kind == DL_N_INT && (dl_type_is_integer(type) || dl_type_is_pointer(type))) {
		cast = sema_int(s, n->range, sema_fit(type, n->value), type);
		cast->attr = n->attr;
		cast->is_writable = n->is_writable;
		return cast;
	}
	cast = sema_node(s, DL_N_CAST, n->range, type);
	cast->left = n;
	cast->is_writable = n->is_writable;
	return sema_seal(cast);
}

struct dl_node *sema_deref_node(struct sema *s, struct dl_range range, struct dl_node *addr,
				struct dl_type *type)
{
	struct dl_node *n = sema_node(s, DL_N_DEREF, range, type);

	n->left = addr;
	n->is_lvalue = true;
	n->is_writable = addr->is_writable && !sema_is_const_type(type);
	return sema_seal(n);
}

struct dl_node *sema_addr_node(struct sema *s, struct dl_node *lvalue, struct dl_type *type)
{
	struct dl_node *n;

	if (lvalue->kind == DL_N_DEREF) { /* &*p is p */
		n = sema_cast_node(s, lvalue->left, type);
		n->range = lvalue->range;
		n->is_writable = lvalue->is_writable;
		return n;
	}
	n = sema_node(s, DL_N_ADDROF, lvalue->range, type);
	n->left = lvalue;
	n->is_writable = lvalue->is_writable;
	return sema_seal(n);
}

/* A bit-field is read from a unit of its type where it lies inside one. */
static void place_bits(struct dl_node *n, const struct dl_member *m, uint64_t bit)
{
	uint64_t unit = dl_type_base(m->type)->size * 8;
	uint64_t in_unit = unit ? bit % unit : bit % 8;

	if (in_unit + m->bits > unit)
		in_unit = bit % 8;
	n->bits = m->bits;
	n->bit_off = (uint32_t)in_unit;
	n->value = (bit - in_unit) / 8;
}

struct dl_node *sema_member_node(struct sema *s, struct dl_range range, struct dl_node *of,
				 const struct dl_member *m, uint64_t bit_offset)
{
	struct dl_node *n = sema_node(s, DL_N_MEMBER, range, m->type);

	if (m->bits)
		place_bits(n, m, bit_offset);
	else
		n->value = bit_offset / 8;
	n->is_lvalue = of->is_lvalue;
	n->is_writable = of->is_writable && !sema_is_const_type(m->type);
	if (of->kind == DL_N_MEMBER) { /* a.b.c is one step */
		n->value += of->value;
		of = of->left;
	}
	n->left = of;
	n->name = m->name;
	return sema_seal(n);
}

/* May it be evaluated twice instead of being kept? */
bool sema_is_leaf(const struct dl_node *n)
{
	switch (n->kind) {
	case DL_N_INT:
	case DL_N_FLOAT:
	case DL_N_STR:
	case DL_N_ARG:
	case DL_N_UREG:
	case DL_N_LETVAR:
	case DL_N_TRANSLATED: return true;
	case DL_N_BVAR: return !n->left;
	case DL_N_CAST: return sema_is_leaf(n->left);
	default: return false;
	}
}

struct dl_node *sema_bind(struct sema *s, struct sema_lets *lets, struct dl_node *value)
{
	struct dl_node *let, *var;

	if (sema_is_leaf(value))
		return sema_copy(s, value);
	let = sema_node(s, DL_N_LET, value->range, value->type);
	let->let_id = s->next_let++;
	let->left = value;
	if (lets->last)
		lets->last->right = let;
	else
		lets->first = let;
	lets->last = let;
	var = sema_node(s, DL_N_LETVAR, value->range, value->type);
	var->let_id = let->let_id;
	var->attr = value->attr;
	var->is_writable = value->is_writable;
	return var;
}

struct dl_node *sema_wrap(struct sema *s, struct sema_lets *lets, struct dl_node *body)
{
	struct dl_attr attr;
	(void)s;

	if (!lets->first || !body)
		return body;
	lets->last->right = body;
	attr = body->attr;
	for (struct dl_node *l = lets->first; l != body; l = l->right)
		attr = dl_attr_min(attr, l->left->attr);
	for (struct dl_node *l = lets->first; l != body; l = l->right) {
		l->type = body->type;
		l->attr = attr;
		l->is_writable = body->is_writable;
	}
	return lets->first;
}

void sema_list_add(struct sema_list *l, struct dl_node *n)
{
	n->next = NULL;
	if (l->last)
		l->last->next = n;
	else
		l->first = n;
	l->last = n;
}

void sema_data_init(struct sema *s, struct sema_data *d, uint32_t cap)
{
	*d = (struct sema_data){ .cap = cap };
	d->fields = ARENA_ARRAY(s->a, cap ? cap : 1, struct dl_value_desc);
}

void sema_data_add(struct sema_data *d, struct dl_node *n, const struct dl_value_desc *v)
{
	if (d->n == d->cap)
		return;
	sema_list_add(&d->nodes, n);
	d->fields[d->n++] = *v;
}

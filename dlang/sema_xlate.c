/*
 * Translators: declared once, expanded member by member where used.
 *
 * A translated value has no existence of its own: a TRANSLATED node remembers
 * the translator and the input; naming a member expands that member's
 * expression with the input bound.  Only named members are ever computed.
 */
#include <string.h>

#include "sema_int.h"

struct sema_translated *sema_as_translated(struct dl_node *n)
{
	return n->kind == DL_N_TRANSLATED ? (struct sema_translated *)n : NULL;
}

/* Exactly that type by name, else the same type, else one that takes it as argument. */
struct dl_translator *sema_find_translator(struct dl_ctx *c, struct dl_type *in,
					   struct dl_type *out)
{
	struct dl_type *b = dl_type_base(out);
	struct dl_node model = { .kind = DL_N_CAST, .type = in };
	struct dl_translator *found = NULL;
	int best = 0;
	struct sema s;

	if (b->kind == DL_PTR)
		out = b->ref;
	sema_init(&s, c);
	for (struct dl_translator *x = c->translators; x; x = x->next) {
		int fit = 0;

		if (!x->out || !x->in || !dl_type_equal(x->out, out) ||
		    (c->version && x->version > c->version))
			continue;
		if (x->in == in)
			fit = 3;
		else if (dl_type_equal(x->in, in))
			fit = 2;
		else if (sema_arg_compat(&s, x->in, &model))
			fit = 1;
		if (fit > best) {
			best = fit;
			found = x;
		}
	}
	return found;
}

struct dl_node *sema_translate(struct sema *s, struct dl_range range, struct dl_node *in,
			       struct dl_type *out, struct dl_translator *x)
{
	struct sema_translated *t = ARENA_NEW(s->a, struct sema_translated);

	t->xlator = x;
	t->is_pointer = dl_type_base(out)->kind == DL_PTR;
	t->out = t->is_pointer ? dl_type_base(out)->ref : out;
	t->in = sema_bind(s, &t->lets, sema_convert(s, in, x->in));
	t->in->type = dl_type_base(x->in)->kind == DL_ARRAY ? t->in->type : x->in;
	t->node.kind = DL_N_TRANSLATED;
	t->node.range = range;
	t->node.type = t->is_pointer ? sema_basic(s, DL_T_DYN) : t->out;
	t->node.attr = in->attr;
	return &t->node;
}

struct dl_node *sema_translated_keep(struct sema *s, struct sema_translated *t,
				     struct sema_lets *lets)
{
	(void)s;
	if (!lets->first)
		return &t->node;
	lets->last->right = t->lets.first;
	t->lets.first = lets->first;
	if (!t->lets.last)
		t->lets.last = lets->last;
	return &t->node;
}

struct dl_node *sema_xlate(struct sema *s, const struct dl_node *n)
{
	struct dl_type *out = n->left && n->left->type ? n->left->type : n->type;
	struct dl_node *in = sema_operand(s, n->right, "xlate");
	struct dl_translator *x;

	if (!in || !out)
		return NULL;
	x = sema_is_dynamic(in) ? NULL : sema_find_translator(s->c, in->type, out);
	if (x)
		return sema_translate(s, n->range, in, out, x);
	dl_error(s->c, D_XLATE_NONE, n->range, "translator from \"%s\" to \"%s\" is not defined",
		 sema_type_text(s, in), dl_type_name(s->ts, out));
	return NULL;
}

/* --- members --- */

static const struct dl_xl_member *find_member(const struct dl_translator *x, const char *name)
{
	for (uint32_t i = 0; i < x->n_members; i++) {
		if (x->members[i].name && !strcmp(x->members[i].name, name))
			return &x->members[i];
	}
	return NULL;
}

/* A fresh copy of the values the input needs: each use evaluates them anew. */
static struct sema_lets copy_lets(struct sema *s, const struct sema_lets *from)
{
	struct sema_lets out = { 0 };

	for (const struct dl_node *l = from->first; l; l = l == from->last ? NULL : l->right) {
		struct dl_node *copy = sema_copy(s, l);

		copy->right = NULL;
		if (out.last)
			out.last->right = copy;
		else
			out.first = copy;
		out.last = copy;
	}
	return out;
}

/* The member's expression with the input bound to in. */
static struct dl_node *member_expr(struct sema *s, struct dl_range range,
				   const struct dl_translator *x, const struct dl_xl_member *m,
				   struct dl_node *in)
{
	const struct sema_name *outer = s->names;
	struct sema_name input = { x->param ? x->param : "", in, NULL };
	struct sema_expansion here;
	struct dl_node *e;

	if (!m->expr)
		s->lost = true; /* its declaration was reported */
	if (!m->expr || !sema_enter(s, &here, m, range, m->name))
		return NULL;
	s->names = &input;
	e = sema_expr(s, m->expr);
	s->names = outer;
	sema_leave(s, &here);
	return e;
}

static struct dl_node *as_member(struct sema *s, struct dl_node *e, struct dl_type *type,
				 struct dl_range range)
{
	struct dl_type *b = dl_type_base(type);

	if (e->kind == DL_N_TRANSLATED)
		return e;
	if (b->kind != DL_ARRAY) {
		struct dl_node *old = e;

		e = sema_convert(s, e, type);
		if (e == old && !e->is_lvalue && dl_type_is_integer(type) &&
		    dl_type_is_integer(e->type)) {
			e = sema_copy(s, e);
			e->type = type;
		}
	}
	e->range = range;
	return e;
}

struct dl_node *sema_translated_member(struct sema *s, struct dl_range range,
				       struct sema_translated *t, const char *name)
{
	struct dl_type *b = sema_complete(s, t->out);
	const struct dl_member *m = dl_type_member(b, name, &(uint64_t){ 0 });
	const struct dl_xl_member *xm;
	struct sema_lets lets;
	struct dl_node *e;

	if (!m) {
		sema_hint_member(s,
				 dl_error(s->c, D_TYPE_MEMBER, range, "%s is not a member of %s",
					  name, dl_type_name(s->ts, t->out)),
				 b, name);
		return NULL;
	}
	xm = find_member(t->xlator, name);
	if (!xm) {
		dl_error(s->c, D_XLATE_NOCONV, range,
			 "translator does not define conversion for member: %s", name);
		return NULL;
	}
	e = member_expr(s, range, t->xlator, xm, t->in);
	if (!e)
		return NULL;
	e = as_member(s, e, m->type, range);
	e->attr = dl_attr_min(e->attr, t->node.attr);
	e->is_lvalue = e->is_lvalue && !dl_type_is_scalar(e->type);
	e->is_writable = false;
	lets = copy_lets(s, &t->lets);
	if (e->kind == DL_N_TRANSLATED)
		return sema_translated_keep(s, (struct sema_translated *)e, &lets);
	return sema_wrap(s, &lets, e);
}

/* Arrays are assigned only here: as a whole, or a string into a char array. */
static struct dl_node *assign_array(struct sema *s, struct dl_range range, struct dl_node *to,
				    struct dl_node *v)
{
	struct dl_node *n = sema_node(s, DL_N_ASSIGN, range, to->type);

	n->op = DL_O_ASSIGN;
	n->left = to;
	n->right = dl_type_base(v->type)->kind == DL_PTR ? sema_to_string(s, v) : v;
	return sema_seal(n);
}

struct dl_node *sema_assign_translated(struct sema *s, struct dl_range range, struct dl_node *l,
				       struct sema_translated *t)
{
	struct dl_type *b = sema_complete(s, l->type);
	struct dl_node *all = NULL;

	for (uint32_t i = 0; i < t->xlator->n_members; i++) {
		const struct dl_xl_member *xm = &t->xlator->members[i];
		uint64_t bit = 0;
		const struct dl_member *m = dl_type_member(b, xm->name, &bit);
		struct dl_node *v, *to, *both;

		v = m ? sema_translated_member(s, range, t, xm->name) : NULL;
		if (!v)
			return NULL;
		to = sema_member_node(s, range, sema_copy(s, l), m, bit);
		v = dl_type_base(m->type)->kind == DL_ARRAY ? assign_array(s, range, to, v) :
							      sema_store(s, range, to, v, "=");
		if (!v)
			return NULL;
		if (!all) {
			all = v;
			continue;
		}
		both = sema_node(s, DL_N_COMMA, range, v->type);
		both->left = all;
		both->right = v;
		all = sema_seal(both);
	}
	if (!all)
		dl_error(s->c, D_XLATE_NOCONV, range, "translator defines no members");
	return all;
}

/* --- declaration --- */

static void check_member(struct sema *s, struct dl_translator *x, struct dl_xl_member *m)
{
	struct dl_node *in = sema_node(s, DL_N_LETVAR, m->range, x->in);
	const struct dl_member *om;
	struct dl_node *e;
	uint64_t bit;

	om = dl_type_member(dl_type_base(x->out), m->name, &bit);
	if (!om) {
		dl_error(s->c, D_XLATE_MEMB, m->range, "translator member %s is not a member of %s",
			 m->name, dl_type_name(s->ts, x->out));
		m->expr = NULL;
		return;
	}
	in->let_id = s->next_let++;
	e = member_expr(s, m->range, x, m, in);
	if (!e) {
		m->expr = NULL;
		return;
	}
	if (e->kind == DL_N_TRANSLATED || sema_assign_compat(s, om->type, e))
		return;
	dl_error(s->c, D_XLATE_INCOMPAT, m->range,
		 "translator member %s definition uses incompatible types: \"%s\" = \"%s\"",
		 m->name, dl_type_name(s->ts, om->type), sema_type_text(s, e));
	m->expr = NULL;
}

void dl_sema_declare_translator(struct dl_ctx *c, struct dl_translator *x)
{
	struct dl_type *b;
	struct sema s;

	sema_init(&s, c);
	if (!x->out || !x->in)
		return;
	b = sema_complete(&s, x->out);
	if (b->kind != DL_STRUCT && b->kind != DL_UNION) {
		dl_error(c, D_XLATE_SOU, x->range,
			 "translator output type must be a struct or union");
		return;
	}
	for (const struct dl_translator *o = c->translators; o; o = o->next) {
		if (o->in && o->out && dl_type_equal(o->in, x->in) &&
		    dl_type_equal(o->out, x->out)) {
			dl_error(c, D_XLATE_REDECL, x->range,
				 "translator from %s to %s has already been declared",
				 dl_type_name(c->types, x->in), dl_type_name(c->types, x->out));
			return;
		}
	}
	for (uint32_t i = 0; i < x->n_members; i++)
		check_member(&s, x, &x->members[i]);
	x->next = c->translators;
	c->translators = x;
}

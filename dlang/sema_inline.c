/*
 * Inlines: checked when declared, expanded where used.  Parameters are values
 * computed once (LET); a body sees its parameters and globals, nothing of the
 * place of use.
 */
#include <string.h>

#include "sema_int.h"

bool sema_enter(struct sema *s, struct sema_expansion *e, const void *what, struct dl_range range,
		const char *name)
{
	for (const struct sema_expansion *x = s->expanding; x; x = x->next) {
		if (x->what != what)
			continue;
		dl_error(s->c, D_IDENT_UNDEF, range, "failed to resolve %s: it refers to itself",
			 name);
		return false;
	}
	*e = (struct sema_expansion){ .what = what, .next = s->expanding };
	s->expanding = e;
	return true;
}

void sema_leave(struct sema *s, const struct sema_expansion *e)
{
	s->expanding = e->next;
}

/* The body's value as one of the inline's type. */
static struct dl_node *as_declared(struct sema *s, struct dl_range range, struct dl_node *body,
				   struct dl_type *type)
{
	struct sema_translated *x = sema_as_translated(body);
	struct dl_type *b = dl_type_base(type);

	if (x) {
		struct dl_type *want = x->is_pointer && b->kind == DL_PTR ? b->ref : type;

		body->range = range;
		if ((x->is_pointer == (b->kind == DL_PTR)) && dl_type_equal(want, x->out))
			return body;
	} else if (sema_assign_compat(s, type, body)) {
		struct dl_node *n = sema_convert(s, body, type);

		if (n->kind == DL_N_INT || n == body) {
			n = sema_copy(s, n);
			n->type = b->kind == DL_ARRAY ? n->type : type;
		}
		n->range = range;
		return n;
	}
	dl_error(s->c, D_OP_INCOMPAT, range,
		 "inline definition has incompatible types: \"%s\" = \"%s\"",
		 dl_type_name(s->ts, type), sema_type_text(s, body));
	return NULL;
}

static struct dl_node *expand(struct sema *s, const struct dl_node *use, struct dl_ident *id,
			      const struct sema_name *names)
{
	const struct sema_name *outer = s->names;
	struct sema_expansion here;
	struct dl_node *body;

	if (!id->body)
		s->lost = true; /* its declaration was reported */
	if (!id->body || !sema_enter(s, &here, id, use->range, id->name))
		return NULL;
	s->names = names;
	body = sema_expr(s, id->body);
	s->names = outer;
	sema_leave(s, &here);
	body = body ? as_declared(s, use->range, body, id->type) : NULL;
	if (body)
		body->attr = dl_attr_min(body->attr, sema_ident_attr(id));
	return body;
}

static bool check_args(struct sema *s, const struct dl_node *use, const struct dl_ident *id,
		       const struct dl_node *args, struct sema_name *names, struct sema_lets *lets)
{
	unsigned given = dl_node_count(args), i = 0;

	if (given != id->n_params) {
		dl_error(s->c, D_PROTO_LEN, use->range,
			 "%s[ ] prototype mismatch: %u key%s passed, %u expected", id->name, given,
			 given == 1 ? "" : "s", id->n_params);
		return false;
	}
	for (const struct dl_node *a = args; a; a = a->next, i++) {
		const struct dl_inline_param *p = &id->params[i];
		struct dl_node *e = sema_expr(s, a);

		if (!e)
			return false;
		if (sema_is_dynamic(e) || !sema_arg_compat(s, p->type, e)) {
			dl_error(s->c, D_PROTO_ARG, a->range,
				 "%s[ ] key #%u is incompatible with prototype:\n"
				 "\tprototype: %s\n\t argument: %s",
				 id->name, i + 1, dl_type_name(s->ts, p->type),
				 sema_type_text(s, e));
			return false;
		}
		e = sema_bind(s, lets, sema_convert(s, e, p->type));
		e->type = dl_type_base(p->type)->kind == DL_ARRAY ? e->type : p->type;
		names[i] =
			(struct sema_name){ p->name ? p->name : "", e, i ? &names[i - 1] : NULL };
	}
	return true;
}

struct dl_node *sema_inline(struct sema *s, const struct dl_node *use, struct dl_ident *id,
			    const struct dl_node *args)
{
	struct sema_lets lets = { 0 };
	struct sema_name *names;
	struct dl_node *body;

	if (!id->n_params)
		return expand(s, use, id, NULL);
	names = ARENA_ARRAY(s->a, id->n_params, struct sema_name);
	if (!check_args(s, use, id, args, names, &lets))
		return NULL;
	body = expand(s, use, id, &names[id->n_params - 1]);
	if (body && body->kind == DL_N_TRANSLATED)
		return sema_translated_keep(s, (struct sema_translated *)body, &lets);
	return sema_wrap(s, &lets, body);
}

/* Parameters stand for themselves while the body is checked. */
static const struct sema_name *dummies(struct sema *s, const struct dl_ident *id,
				       struct dl_range range)
{
	struct sema_name *names = ARENA_ARRAY(s->a, id->n_params + 1, struct sema_name);

	for (uint32_t i = 0; i < id->n_params; i++) {
		struct dl_node *v = sema_node(s, DL_N_LETVAR, range, id->params[i].type);

		v->let_id = s->next_let++;
		names[i] = (struct sema_name){ id->params[i].name ? id->params[i].name : "", v,
					       i ? &names[i - 1] : NULL };
	}
	return id->n_params ? &names[id->n_params - 1] : NULL;
}

/* Two libraries may give one constant: same type, same value. */
static bool same_constant(struct dl_ctx *c, const struct dl_ident *id, struct dl_type *type,
			  struct dl_node *body)
{
	int64_t old, now;

	return id->kind == DL_ID_INLINE && !id->n_params && id->type &&
	       dl_type_equal(id->type, type) && dl_sema_const_int(c, id->body, &old) &&
	       dl_sema_const_int(c, body, &now) && old == now;
}

void dl_sema_declare_inline(struct dl_ctx *c, const char *name, struct dl_type *type,
			    struct dl_inline_param *params, uint32_t n_params, struct dl_node *body,
			    struct dl_range range)
{
	struct dl_ident *id = sema_find(c, c->globals, name);
	struct dl_node model;
	struct sema s;

	if (id && !params && body && same_constant(c, id, type, body))
		return;
	if (id) {
		dl_error(c, D_DECL_IDRED, range,
			 "identifier redeclared: %s\n\t current: inline %s %s\n\tprevious: %s %s",
			 name, dl_type_name(c->types, type), name, sema_kind_word(id), name);
		return;
	}
	if (dl_type_base(type)->kind == DL_VOID) {
		dl_error(c, D_DECL_VOIDOBJ, range, "cannot declare void inline: %s", name);
		return;
	}
	id = dl_idents_add(c->globals, name, DL_ID_INLINE);
	id->type = type;
	id->attr = DL_ATTR_STABLE;
	id->is_declared = true;
	id->line = range.line;
	id->params = params;
	id->n_params = n_params;
	id->body = body;
	sema_init(&s, c);
	model = (struct dl_node){ .kind = DL_N_IDENT,
				  .range = body ? body->range : range,
				  .name = name };
	if (!body || !expand(&s, &model, id, dummies(&s, id, range)))
		id->body = NULL;
}

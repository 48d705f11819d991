/*
 * Checking a clause: the entry of the semantic passes.
 *
 * A clause is checked once for each of its probe descriptions.  Everything is
 * done in one pass in the order of the text, which is what gives variables and
 * aggregations their types: the first assignment decides.  The result is a new
 * tree of core nodes.  All errors of a clause are reported.
 */
#include "sema_int.h"

#define NODES_MAX 200000 /* what one clause or declaration may expand to */

void sema_init(struct sema *s, struct dl_ctx *c)
{
	const struct dl_options *o = c->config.options;
	const char *amin = o ? dl_option_text(o, DL_OPT_AMIN) : NULL;

	*s = (struct sema){
		.c = c, .a = c->arena, .ts = c->types, .next_let = 1, .budget = NODES_MAX
	};
	/* The minimum is for programs, not for what the libraries do for them. */
	s->has_amin = amin && !c->loading_library && dl_attr_parse(amin, &s->amin);
}

bool sema_is_action_call(struct sema *s, const struct dl_node *n)
{
	const struct dl_ident *id;

	if (!n || n->kind != DL_N_CALL || !n->name)
		return false;
	id = sema_lookup(s, n->name);
	return id && id->kind == DL_ID_ACTION;
}

/* --- ordering rules: textual, within the clause --- */

void sema_order_data(struct sema *s, struct dl_range range)
{
	if (s->order.commit)
		dl_error(s->c, D_DREC_COMM, range,
			 "data-recording actions may not follow commit( )");
	if (!s->order.speculate)
		s->order.datarec = true;
}

void sema_order_agg(struct sema *s, struct dl_range range)
{
	if (s->order.commit)
		dl_error(s->c, D_AGG_COMM, range, "aggregating actions may not follow commit( )");
	else if (s->order.speculate)
		dl_error(s->c, D_AGG_SPEC, range,
			 "aggregating actions may not follow speculate( )");
	s->order.datarec = true;
}

void sema_order_destructive(struct sema *s, struct dl_range range)
{
	if (s->order.speculate)
		dl_error(s->c, D_ACT_SPEC, range,
			 "destructive actions may not follow speculate( )");
}

/* --- statements --- */

static void statements(struct sema *s, const struct dl_node *list, struct sema_list *out);

static bool is_agg_target(const struct dl_node *n)
{
	while (n && n->kind == DL_N_INDEX)
		n = n->left;
	return n && n->kind == DL_N_AGGREF;
}

static bool is_aggregating(const struct dl_node *n)
{
	return n->kind == DL_N_ASSIGN && n->op == DL_O_ASSIGN && is_agg_target(n->left);
}

struct dl_node *sema_predicate(struct sema *s, const struct dl_node *n, const char *what)
{
	struct dl_node *e = is_aggregating(n) ? sema_expr(s, n->left) : sema_expr(s, n);
	struct dl_diag *d;

	if (!e)
		return NULL;
	if (e->kind != DL_N_AGGREF && sema_is_scalar(e))
		return sema_decay(s, e);
	if (sema_is_float(e) && sema_floats_allowed(s))
		return sema_apply(s, n->range, DL_O_NE, "!=", e,
				  sema_int(s, n->range, 0, sema_basic(s, DL_T_INT)));
	d = dl_error(s->c, D_PRED_SCALAR, n->range, "%s result must be of scalar type", what);
	if (dl_type_is_string(e->type))
		dl_hint(s->c, d, "compare the string: with NULL, or with \"\"");
	return NULL;
}

static struct dl_node *if_statement(struct sema *s, const struct dl_node *n)
{
	struct dl_node *out = sema_node(s, DL_N_IF, n->range, sema_basic(s, DL_T_VOID));
	struct sema_list body = { 0 }, other = { 0 };
	struct sema_order before, after;

	out->left = sema_predicate(s, n->left, "condition");
	before = s->order;
	statements(s, n->body, &body);
	after = s->order;
	s->order = before;
	statements(s, n->else_body, &other);
	s->order.speculate |= after.speculate;
	s->order.commit |= after.commit;
	s->order.datarec |= after.datarec;
	out->body = body.first;
	out->else_body = other.first;
	out->has_body = true;
	for (const struct dl_node *b = body.first; b; b = b->next)
		out->attr = dl_attr_min(out->attr, b->attr);
	for (const struct dl_node *b = other.first; b; b = b->next)
		out->attr = dl_attr_min(out->attr, b->attr);
	return out->left ? sema_seal(out) : NULL;
}

static void note_destructive(struct sema *s, const struct dl_node *e)
{
	if (e->kind == DL_N_CALL && dl_subr_flags(e->ident->subr) & SF_DESTRUCTIVE)
		sema_order_destructive(s, e->range);
}

static struct dl_node *expression(struct sema *s, const struct dl_node *n)
{
	struct dl_node *e = sema_expr(s, n), *out;

	if (!e)
		return NULL;
	if (e->kind == DL_N_AGGREF) {
		dl_error(s->c, D_AGG_NULL, n->range, "expression has null effect: @%s", e->name);
		return NULL;
	}
	if (e->kind == DL_N_TRANSLATED) {
		dl_error(s->c, D_CG_DYN, n->range,
			 "expression cannot evaluate to result of a translated pointer");
		return NULL;
	}
	note_destructive(s, e);
	out = sema_node(s, DL_N_EXPR, n->range, sema_basic(s, DL_T_VOID));
	out->left = e;
	return sema_seal(out);
}

/* The statement e stands for; a constant condition has chosen its branch. */
static struct dl_node *statement(struct sema *s, const struct dl_node *e)
{
	struct dl_ident *id;
	int64_t cond;

	if (!e)
		return NULL;
	if (e->kind == DL_N_COND && dl_sema_const_int(s->c, e->left, &cond))
		return statement(s, cond ? e->right : e->third);
	if (is_aggregating(e))
		return sema_agg_assign(s, e);
	if (e->kind == DL_N_CALL && e->name) {
		id = sema_lookup(s, e->name);
		if (id && id->kind == DL_ID_ACTION)
			return sema_action(s, e, id);
	}
	return expression(s, e);
}

static void statements(struct sema *s, const struct dl_node *list, struct sema_list *out)
{
	for (const struct dl_node *n = list; n; n = n->next) {
		struct dl_node *made;

		if (n->kind == DL_N_IF)
			made = if_statement(s, n);
		else
			made = statement(s, n->kind == DL_N_EXPR ? n->left : n);
		sema_misplaced(s);
		if (made)
			sema_list_add(out, made);
	}
}

/* --- clauses --- */

struct dl_node *dl_sema_clause(struct dl_ctx *c, struct dl_unit *u, const struct dl_node *n,
			       uint32_t desc, const struct dl_probe_info *probe,
			       struct dl_attr *stmt_attr_ret)
{
	size_t n_errors = c->diags.n_errors;
	static const struct dl_probe_info no_probe;
	struct sema_list body = { 0 };
	struct dl_node *out;
	struct dl_attr attr;
	struct sema s;

	(void)u;
	sema_init(&s, c);
	s.probe = probe ? probe : &no_probe;
	if (desc < n->n_descs) {
		s.desc = &n->descs[desc];
		s.desc_text = n->desc_texts ? n->desc_texts[desc] : NULL;
	}
	out = sema_node(&s, DL_N_CLAUSE, n->range, sema_basic(&s, DL_T_VOID));
	if (n->left)
		out->left = sema_predicate(&s, n->left, "predicate");
	sema_misplaced(&s);
	statements(&s, n->body, &body);
	out->body = body.first;
	out->has_body = n->has_body;
	out->descs = n->descs;
	out->desc_ranges = n->desc_ranges;
	out->desc_texts = n->desc_texts;
	out->n_descs = n->n_descs;
	attr = out->left ? out->left->attr : DL_ATTR_STABLE;
	for (const struct dl_node *b = out->body; b; b = b->next)
		attr = dl_attr_min(attr, b->attr);
	if (stmt_attr_ret)
		*stmt_attr_ret = dl_attr_min(attr, DL_ATTR_STABLE);
	if (s.lost && !c->diags.n_errors)
		dl_error(c, D_UNKNOWN, n->range,
			 "clause uses a variable whose assignment could not be compiled");
	return c->diags.n_errors == n_errors && !s.lost ? out : NULL;
}

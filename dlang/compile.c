/*
 * dl_compile(): the passes over a parsed unit, clause by clause and for each
 * clause once per probe description.
 */
#include <inttypes.h>
#include <string.h>

#include "parse.h"
#include "strbuf.h"
#include "suggest.h"

struct job {
	struct dl_ctx *ctx;
	struct dl_unit *unit;
	struct dl_program *program;
	struct dl_attr amin;
	bool has_amin;
};

/* --- matching --- */

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static enum dl_level level_of(const struct dl_source *source)
{
	return source->kind == DL_SRC_STRING ? source->level : DL_LEVEL_NAME;
}

static void report_no_match(struct job *j, const struct dl_pdesc *d, struct dl_range range,
			    const char *text)
{
	struct dl_diag *diag;

	if (d->id) {
		dl_error(j->ctx, D_PDESC_INVAL, range,
			 "invalid probe identifier %" PRIu32 ": No probe matches description",
			 d->id);
		return;
	}
	diag = dl_error(j->ctx, D_PDESC_ZERO, range,
			"probe description %s:%s:%s:%s does not match any probes", d->prov, d->mod,
			d->func, d->name);
	dl_suggest_probe(j->ctx, diag, d, text, level_of(j->unit->source));
}

/* Describes what d matches; false after reporting.  Without a host all match. */
static bool match(struct job *j, const struct dl_pdesc *d, struct dl_range range, const char *text,
		  struct dl_probe_info *ret)
{
	const struct dl_host *h = j->ctx->config.host;
	struct dl_attr a = DL_ATTR_STABLE;

	range.region = DL_REGION_NONE;
	*ret = (struct dl_probe_info){ 0 };
	if (!h || !h->probe_match) {
		*ret = (struct dl_probe_info){
			.n_matches = 1,
			.id = 1,
			.prov = d->prov,
			.mod = d->mod,
			.func = d->func,
			.name = d->name,
			.attr = { a, a, a, a, a },
		};
		return true;
	}
	struct error *err = h->probe_match(h->ctx, d, ret);

	if (err) {
		dl_error_host(j->ctx, D_PDESC_INVAL, range, err);
		struct dl_diag *diag = &j->ctx->diags.list.items[j->ctx->diags.list.n - 1];

		if (diag->tag == D_PROC_FUNC || diag->tag == D_PROC_NAME)
			dl_suggest_probe(j->ctx, diag, d, text, level_of(j->unit->source));
		return false;
	}
	if (ret->n_matches == 0 && !j->unit->zdefs &&
	    dl_option(j->ctx->config.options, DL_OPT_ZDEFS) != 1) {
		report_no_match(j, d, range, text);
		return false;
	}
	ret->prov = or_empty(ret->prov);
	ret->mod = or_empty(ret->mod);
	ret->func = or_empty(ret->func);
	ret->name = or_empty(ret->name);
	return true;
}

/* --- attributes --- */

static bool is_named(const char *field)
{
	return *field && !dl_is_glob(field);
}

/* Of what is named; other is of a provider that isn't. */
static struct dl_attr named_attr(const struct dl_pdesc *d, const struct dl_prov_attr *prov,
				 struct dl_attr other)
{
	struct dl_attr a = is_named(d->prov) ? prov->provider : other;

	if (d->id)
		return dl_attr_min(prov->provider, prov->name);
	if (is_named(d->mod))
		a = dl_attr_min(a, prov->module);
	if (is_named(d->func))
		a = dl_attr_min(a, prov->function);
	if (is_named(d->name))
		a = dl_attr_min(a, prov->name);
	return a;
}

struct dl_attr dl_desc_attr(const struct dl_pdesc *d, const struct dl_prov_attr *prov)
{
	static const struct dl_attr any = { DL_ST_UNSTABLE, DL_ST_UNSTABLE, DL_CL_COMMON };

	return named_attr(d, prov, any);
}

/* For amin, BEGIN is as good as dtrace:::BEGIN. */
static struct dl_attr attr_to_check(const struct dl_clause *cl)
{
	return cl->probe.n_matches == 0 ? DL_ATTR_STABLE :
					  named_attr(&cl->desc, &cl->probe.attr, DL_ATTR_MAX);
}

static struct dl_attr desc_attr(const struct dl_pdesc *d, const struct dl_probe_info *info)
{
	return info->n_matches == 0 ? DL_ATTR_STABLE : dl_desc_attr(d, &info->attr);
}

static bool below(struct dl_attr a, struct dl_attr min)
{
	return a.name < min.name || a.data < min.data || a.class < min.class;
}

static bool check_amin(struct job *j, struct dl_attr a, const char *what, struct dl_range range)
{
	char text[32];

	if (!j->has_amin || !below(a, j->amin))
		return true;
	dl_error(j->ctx, D_ATTR_MIN, range,
		 "attributes for %s (%s) are less than predefined minimum", what,
		 dl_attr_text(a, text));
	return false;
}

/* --- -x tree --- */

#define TREE_PARSED 1u

static bool wants_tree(const struct dl_ctx *c, bool is_parsed)
{
	uint64_t mask = dl_option(c->config.options, DL_OPT_TREE);

	return mask != DL_OPT_UNSET && (is_parsed ? mask & TREE_PARSED : mask & ~TREE_PARSED);
}

const char *dl_ctx_tree(const struct dl_ctx *c)
{
	return strbuf_text(&c->tree);
}

/* --- clauses --- */

static bool compile_clause(struct job *j, const struct dl_node *n, uint32_t i, struct dl_clause *cl)
{
	struct dl_ctx *c = j->ctx;
	const char *source = j->unit->source->text;
	struct dl_attr attr = DL_ATTR_MAX;

	cl->text = arena_strndup(c->arena, source + n->range.offset, n->range.len);
	struct dl_node *lowered = dl_sema_clause(c, j->unit, n, i, &cl->probe, &attr);

	if (lowered && wants_tree(c, false))
		dl_node_dump(&c->tree, lowered);
	if (!lowered || !dl_codegen_clause(c, lowered, cl))
		return false;
	cl->stmt_attr = attr;
	cl->desc_attr = desc_attr(&cl->desc, &cl->probe);
	if (!n->body) /* the default action */
		cl->records = true;
	return check_amin(j, attr_to_check(cl), "probe description", n->range) &&
	       check_amin(j, cl->stmt_attr, "predicate and actions", n->range);
}

/*
 * A clause whose description is wrong is not compiled, but what it assigns is
 * there for the others: that it is missing would be no news.
 */
static void learn_names(struct job *j, const struct dl_node *n, uint32_t i,
			const struct dl_probe_info *probe)
{
	struct dl_diags *diags = &j->ctx->diags;
	size_t n_diags = diags->list.n, n_errors = diags->n_errors;
	struct dl_attr unused;

	(void)dl_sema_clause(j->ctx, j->unit, n, i, probe, &unused);
	diags->list.n = n_diags;
	diags->n_errors = n_errors;
}

/* Checks every clause, also after errors, so that all are reported. */
static void compile_clauses(struct job *j)
{
	struct dl_program *p = j->program;

	p->desc_attr = p->stmt_attr = DL_ATTR_MAX;
	p->clauses = ARENA_ARRAY(j->ctx->arena, j->unit->n_descs, struct dl_clause);
	if (wants_tree(j->ctx, true))
		dl_node_dump(&j->ctx->tree, j->unit->clauses);
	for (const struct dl_node *n = j->unit->clauses; n; n = n->next) {
		for (uint32_t i = 0; i < n->n_descs; i++) {
			struct dl_clause *cl = &p->clauses[p->n_clauses];

			*cl = (struct dl_clause){ .desc = n->descs[i],
						  .desc_text = n->desc_texts[i],
						  .range = n->range };
			if (!match(j, &cl->desc, n->desc_ranges[i], cl->desc_text, &cl->probe)) {
				learn_names(j, n, i, &cl->probe);
				continue;
			}
			if (!compile_clause(j, n, i, cl))
				break; /* the same body again would only repeat its errors */
			p->n_clauses++;
			p->desc_attr = dl_attr_min(p->desc_attr, cl->desc_attr);
			p->stmt_attr = dl_attr_min(p->stmt_attr, cl->stmt_attr);
		}
	}
}

/* --- the whole program --- */

static void check_operands(struct job *j)
{
	const struct dl_macros *m = &j->ctx->config.macros;

	if (!m->n_args || j->unit->argref || j->unit->arg_refs_max >= m->n_args ||
	    dl_option(j->ctx->config.options, DL_OPT_ARGREF) == 1)
		return;
	struct dl_diag *d = dl_error(j->ctx, D_MACRO_UNUSED, (struct dl_range){ 0 },
				     "extraneous argument '%s' ($%u is not referenced)",
				     m->args[m->n_args - 1], m->n_args);

	if (!m->target)
		dl_hint(j->ctx, d, "a command to trace goes by -c, as one word: -c '%s'",
			m->args[0]);
}

static void check_empty(struct job *j)
{
	if (j->unit->has_items || j->unit->empty ||
	    dl_option(j->ctx->config.options, DL_OPT_EMPTY) == 1)
		return;
	dl_error(j->ctx, D_EMPTY, (struct dl_range){ 0 }, "empty D program translation unit");
}

static void set_amin(struct job *j)
{
	const struct dl_options *o = j->ctx->config.options;
	const char *text = o ? dl_option_text(o, DL_OPT_AMIN) : NULL;

	j->has_amin = text && dl_attr_parse(text, &j->amin);
}

static bool declares_providers(const struct job *j)
{
	for (const struct dl_provider_decl *p = j->ctx->providers; p; p = p->next)
		if (p->range.source == j->unit->source)
			return true;
	return false;
}

bool dl_ctx_wants_target(const struct dl_ctx *c)
{
	return c->wants_target;
}

struct dl_program *dl_compile(struct dl_ctx *c, struct dl_unit *u)
{
	struct job *j = ARENA_NEW(c->arena, struct job);
	const struct dl_source *outer = c->source;
	size_t errors = c->diags.n_errors;
	uint32_t n_descs;
	volatile bool finished = false;

	c->source = u->source;
	c->locals = u->locals;
	c->unit = u->number;
	dl_idents_set_owner(c->globals, NULL, c->unit);
	dl_idents_set_owner(c->tls, NULL, c->unit);
	*j = (struct job){ .ctx = c, .unit = u };
	if (setjmp(c->too_broken) == 0) {
		c->can_jump = true;
		j->program = ARENA_NEW(c->arena, struct dl_program);
		dl_unit_descs(u, &n_descs); /* $target may have become known */
		dl_resolve_late_types(c, u->source);
		set_amin(j);
		dl_sema_check_late(c, u->number);
		check_empty(j);
		compile_clauses(j);
		if (c->diags.n_errors == errors)
			check_operands(j);
		j->program->has_providers = declares_providers(j);
		finished = c->diags.n_errors == errors;
	}
	c->can_jump = false;
	c->source = outer;
	return finished ? j->program : NULL;
}

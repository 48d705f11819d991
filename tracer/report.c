/*
 * Reports: -l listings and the stability report of -v.
 */
#include <string.h>

#include "session.h"

static void print_attr(FILE *out, struct dl_attr a)
{
	fprintf(out, "\t\tIdentifier Names: %s\n", dl_stability_name(a.name));
	fprintf(out, "\t\tData Semantics:   %s\n", dl_stability_name(a.data));
	fprintf(out, "\t\tDependency Class: %s\n", dl_depclass_name(a.class));
}

/* "args[0]: struct conn *c", and why it can't be used. */
static void print_arg(struct session *s, unsigned i, const struct dl_probe_arg *arg)
{
	_cleanup_(strbuf_deinit) struct strbuf sb = { 0 };

	if (arg->native_type && !arg->xlated)
		dl_type_print_decl(&sb, arg->native_type, arg->name ? arg->name : "");
	else
		strbuf_puts(&sb, arg->xlated ? arg->xlated : arg->native);
	fprintf(s->out, "\t\targs[%u]: %s", i, strbuf_text(&sb));
	if (arg->why)
		fprintf(s->out, " (%s)", arg->why);
	fputc('\n', s->out);
}

/* d: the description that asked for it; NULL: the probe's own. */
static void report_probe_block(struct session *s, const struct probe *p, const struct dl_pdesc *d)
{
	struct dl_probe_info info = { .attr = p->provider->attr };
	const struct dl_prov_attr *a = &info.attr;
	struct dl_pdesc own = { .prov = p->prov, .mod = p->mod, .func = p->func, .name = p->name };

	if (p->provider->args)
		p->provider->args(p->provider, p, &info);
	fprintf(s->out, "\n\tProbe Description Attributes\n");
	print_attr(s->out, dl_desc_attr(d ? d : &own, a));
	fprintf(s->out, "\n\tArgument Attributes\n");
	print_attr(s->out, a->args);
	fprintf(s->out, "\n\tArgument Types\n");
	for (unsigned i = 0; i < info.n_args; i++)
		print_arg(s, i, &info.args[i]);
	if (!info.n_args)
		fprintf(s->out, "\t\tNone\n");
	fputc('\n', s->out);
}

static void list_probe(struct session *s, const struct probe *p)
{
	const char *note = p->provider->note ? p->provider->note(p) : NULL;

	fprintf(s->out, "%5u %10s %17s %33s %s", p->id, p->prov, p->mod, p->func, p->name);
	if (note)
		fprintf(s->out, " (%s)", note);
	fputc('\n', s->out);
	if (s->cli->verbose)
		report_probe_block(s, p, NULL);
}

static void list_desc(struct session *s, const struct dl_pdesc *d)
{
	uint32_t n = probe_count(s->probes);
	bool found = false;

	for (uint32_t id = 1; id <= n; id++) {
		struct probe *p = probe_by_id(s->probes, id);

		if (!probe_matches(p, d))
			continue;
		list_probe(s, p);
		found = true;
	}
	if (found)
		return;
	const char *hint =
		dl_option(s->options, DL_OPT_ERRTAGS) == 1 ? NULL : dl_ctx_suggestion(s->ctx, d);

	session_message(s, "failed to match %s:%s:%s:%s: No probe matches description%s%s", d->prov,
			d->mod, d->func, d->name, hint ? "\nhint: " : "", hint ? hint : "");
}

static bool same_desc(const struct dl_pdesc *a, const struct dl_pdesc *b)
{
	return a->id == b->id && !strcmp(a->prov, b->prov) && !strcmp(a->mod, b->mod) &&
	       !strcmp(a->func, b->func) && !strcmp(a->name, b->name);
}

void report_list(struct session *s)
{
	const struct dl_pdesc *last = NULL;

	fprintf(s->out, "%5s %10s %17s %33s %s\n", "ID", "PROVIDER", "MODULE", "FUNCTION", "NAME");
	if (!s->programs.n) {
		for (uint32_t id = 1; id <= probe_count(s->probes); id++)
			list_probe(s, probe_by_id(s->probes, id));
		return;
	}
	for (size_t i = 0; i < s->programs.n; i++) {
		const struct dl_program *p = s->programs.items[i].program;

		for (uint32_t j = 0; j < p->n_clauses; j++) {
			const struct dl_pdesc *d = &p->clauses[j].desc;

			if (last && same_desc(last, d))
				continue;
			list_desc(s, d);
			last = d;
		}
	}
}

void report_stability(struct session *s, const struct compiled *c, bool with_probes)
{
	const struct dl_program *p = c->program;

	fprintf(s->out, "\nStability attributes for %s %s:\n",
		c->src.kind == DL_SRC_FILE ? "script" : "description", c->source->text);
	fprintf(s->out, "\n\tMinimum Probe Description Attributes\n");
	print_attr(s->out, p->desc_attr);
	fprintf(s->out, "\n\tMinimum Statement Attributes\n");
	print_attr(s->out, p->stmt_attr);
	fputc('\n', s->out);
	for (uint32_t j = 0; with_probes && j < p->n_clauses; j++) {
		struct probe *pr = probe_by_id(s->probes, p->clauses[j].probe.id);
		const struct dl_pdesc *d = &p->clauses[j].desc;

		if (!pr || (j && p->clauses[j - 1].probe.id == pr->id))
			continue;
		fprintf(s->out, "\n%s:%s:%s:%s\n", d->id ? pr->prov : d->prov,
			d->id ? pr->mod : d->mod, d->id ? pr->func : d->func,
			d->id ? pr->name : d->name);
		report_probe_block(s, pr, d);
	}
}

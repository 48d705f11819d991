/*
 * Programs: from the command line's D texts to enablings.
 *
 * Two phases, because what the target must be held for depends on the probe
 * descriptions: session_load_programs() parses, session_compile() checks and
 * generates code when the target is there, session_enable() plants.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpp.h"
#include "session.h"

/* The program, or the file of a library, that a diagnostic is about. */
static const char *diag_name(const struct compiled *p, const struct dl_diag *d)
{
	if (p)
		return p->source->text;
	return d->range.source && d->range.source->name ? d->range.source->name : "library";
}

/*
 * The one error that the classic form shows: the first that is wrong
 * everywhere; else the first thing that is only missing here.
 */
static const struct dl_diag *classic_error(const struct dl_diags *diags)
{
	const struct dl_diag *last = NULL;

	for (size_t i = 0; i < diags->list.n; i++) {
		const struct dl_diag *d = &diags->list.items[i];

		if (d->severity != DL_SEV_ERROR)
			continue;
		if (!d->is_last)
			return d;
		last = last ? last : d;
	}
	return last;
}

/* All diagnostics of the context to stderr, in the classic shape or ours. */
static struct error *print_diags(struct session *s, const struct compiled *p)
{
	const struct dl_diags *diags = dl_ctx_diags(s->ctx);
	bool classic = dl_option(s->options, DL_OPT_ERRTAGS) == 1;
	const struct dl_diag *only = classic ? classic_error(diags) : NULL;
	bool printed = false;

	for (size_t i = 0; i < diags->list.n; i++) {
		const struct dl_diag *d = &diags->list.items[i];
		struct strbuf sb = { 0 };

		if (classic && d != only)
			continue;
		dl_diag_format(&sb, p ? &p->src : NULL, d, classic, !classic);
		const char *what = !p || p->src.kind == DL_SRC_FILE ? "failed to compile script" :
								      "invalid probe specifier";
		const char *name = diag_name(p, d);

		if (d->severity != DL_SEV_ERROR)
			fprintf(stderr, "%s: warning: %s\n", s->cli->progname, strbuf_text(&sb));
		else
			fprintf(stderr, "%s: %s %s: %s\n", s->cli->progname, what, name,
				strbuf_text(&sb));
		printed = printed || d->severity == DL_SEV_ERROR;
		strbuf_deinit(&sb);
	}
	dl_ctx_clear_diags(s->ctx);
	if (!printed)
		return error_format(ERR_OTHER, "%s: the compiler gave no reason",
				    p ? p->source->text : "library");
	return error_format(ERR_COMPILE, "compilation failed");
}

static void print_warnings(struct session *s, const struct compiled *p)
{
	if (dl_ctx_diags(s->ctx)->list.n)
		error_destroy(print_diags(s, p));
}

struct error *session_preprocess(struct session *s)
{
	for (size_t i = 0; s->cli->run_cpp && i < s->cli->programs.n; i++) {
		struct cli_program *p = &s->cli->programs.items[i];
		char *text;

		if (p->kind != DL_SRC_FILE)
			continue;
		struct error *err = cpp_run(s->options, p->text, p->contents, &text);

		if (err)
			return err;
		free(p->contents);
		p->contents = text;
	}
	return NULL;
}

/* To stdout, as the classic -d does: it is the output that was asked for. */
static void print_desugared(const struct session *s, const struct compiled *p)
{
	struct strbuf sb = { 0 };

	dl_unit_desugar(p->unit, &sb);
	fputs(strbuf_text(&sb), s->out ? s->out : stdout);
	strbuf_deinit(&sb);
}

struct error *session_load_programs(struct session *s)
{
	if (!dl_load_libraries(s->ctx))
		return print_diags(s, NULL);
	dl_ctx_clear_diags(s->ctx);
	/* The context borrows the sources: the array must not move. */
	if (!vec_reserve(&s->programs, s->cli->programs.n))
		return &error_nomem;
	for (size_t i = 0; i < s->cli->programs.n; i++) {
		struct cli_program *cp = &s->cli->programs.items[i];
		struct compiled *p = &s->programs.items[s->programs.n++];

		*p = (struct compiled){
			.source = cp,
			.src = {
				.kind = cp->kind,
				.name = cp->kind == DL_SRC_FILE ? cp->text : NULL,
				.text = cp->kind == DL_SRC_FILE ? cp->contents : cp->text,
				.level = cp->level,
			},
		};

		p->unit = dl_parse(s->ctx, &p->src);
		if (!p->unit)
			return print_diags(s, p);
		print_warnings(s, p);
		if (s->cli->show_desugared)
			print_desugared(s, p);
	}
	return NULL;
}

struct error *session_compile(struct session *s)
{
	s->is_compiling = true;
	for (size_t i = 0; i < s->programs.n; i++) {
		struct compiled *p = &s->programs.items[i];

		p->program = dl_compile(s->ctx, p->unit);
		if (!p->program)
			return print_diags(s, p);
		print_warnings(s, p);
		session_debug(s, "compiled %s: %u clauses", p->source->text, p->program->n_clauses);
		if (s->cli->show_code) {
			struct strbuf sb = { 0 };

			dl_program_disasm(&sb, p->program);
			fputs(strbuf_text(&sb), stderr);
			strbuf_deinit(&sb);
		}
	}
	fputs(dl_ctx_tree(s->ctx), stderr);
	return NULL;
}

/* ------------------------------------------------- what is asked for -- */

static void each_desc(const struct session *s, void (*fn)(void *arg, const struct dl_pdesc *d),
		      void *arg)
{
	for (size_t i = 0; i < s->programs.n; i++) {
		uint32_t n;
		const struct dl_pdesc *d = dl_unit_descs(s->programs.items[i].unit, &n);

		for (uint32_t j = 0; j < n; j++)
			fn(arg, &d[j]);
	}
}

/* A provider that only a process can have: its name ends in a digit, or it is
 * none of those that are always there. */
static bool is_of_process(const struct dl_pdesc *d)
{
	static const char *const always[] = { "dtrace", "profile", "syscall", "proc" };

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (dl_glob_match(d->prov, always[i]))
			return false;
	return true;
}

struct wanted {
	const struct session *s;
	struct syscall_set *set;
	bool yes;
};

/* Timers are made when they are asked for. */
static bool exists(const struct session *s, const struct dl_pdesc *d)
{
	if (!strncmp(d->name, "tick-", 5) || !strncmp(d->name, "profile-", 8))
		return true;
	return probe_next_match(s->probes, 1, d) != NULL;
}

/* A name without provider that nothing has yet may be a static probe's. */
static void check_wants_objects(void *arg, const struct dl_pdesc *d)
{
	struct wanted *w = arg;

	if (d->id)
		return;
	if (*d->prov ? is_of_process(d) : *d->name && !exists(w->s, d))
		w->yes = true;
}

bool session_wants_objects(const struct session *s)
{
	struct wanted w = { .s = s, .yes = dl_ctx_wants_target(s->ctx) };

	if (s->cli->mode == CLI_LIST && !s->programs.n && s->targets)
		w.yes = true;
	each_desc(s, check_wants_objects, &w);
	return w.yes;
}

/* Providers that are not those of one process: no pid at the end. */
static void check_wants_children(void *arg, const struct dl_pdesc *d)
{
	size_t len = d->id ? 0 : strlen(d->prov);
	struct wanted *w = arg;

	if (!d->id && !len && *d->name) /* profile-97, or a static probe by its name alone */
		w->yes = w->yes || !strncmp(d->name, "profile-", 8) || !exists(w->s, d);
	if (len && strcmp(d->prov, "dtrace") && !isdigit((unsigned char)d->prov[len - 1]) &&
	    strncmp(d->name, "tick-", 5))
		w->yes = true;
}

bool session_wants_children(const struct session *s)
{
	struct wanted w = { .s = s };

	w.yes = s->scope_all || dl_option(s->options, DL_OPT_FOLLOW) == 1;
	each_desc(s, check_wants_children, &w);
	return w.yes;
}

static void add_wanted(void *arg, const struct dl_pdesc *d)
{
	struct wanted *w = arg;

	for (struct probe *p = NULL; (p = probe_next_match(w->s->probes, p ? p->id + 1 : 1, d));) {
		uint64_t nr = p->number;

		if (p->provider == &w->s->providers[PROVIDER_PROC])
			proc_wanted_syscalls(p, w->set);
		if (p->provider != &w->s->providers[PROVIDER_SYSCALL] ||
		    nr >= ENGINE_SYSCALL_WORDS * 64)
			continue;
		uint64_t *words = *p->name == 'e' ? w->set->entry : w->set->exit;

		words[nr / 64] |= 1ull << (nr % 64);
	}
}

void session_wanted_syscalls(struct session *s, struct syscall_set *ret)
{
	struct wanted w = { .s = s, .set = ret };

	memset(ret, 0, sizeof(*ret));
	each_desc(s, add_wanted, &w);
}

/* ---------------------------------------------------------- enabling -- */

static struct error *enable_probe(struct session *s, struct probe *p, const struct dl_clause *c)
{
	struct dl_probe_id id = { p->id, p->prov, p->mod, p->func, p->name };
	struct error *err = NULL;
	uint32_t epid = dl_state_enable(s->state, c, &id, &err);

	/* Too large for the buffer: found when all is enabled, as it always was. */
	if (!epid && err && err->code == ERR_LIMIT) {
		if (s->limit)
			error_destroy(err);
		else
			s->limit = err;
		return NULL;
	}
	if (!epid)
		return err ? err : &error_nomem;
	if (!vec_push(&p->epids, epid))
		return &error_nomem;
	if (p->provider->needs_target && s->targets == NULL)
		return error_format(
			ERR_OTHER,
			"%s probes need a process to watch: start one with -c 'command' "
			"or attach to a running one with -p PID; -x scope=all watches all of yours",
			p->prov);
	if (p->is_enabled)
		return NULL;
	err = p->provider->enable(p->provider, p);
	if (!err)
		p->is_enabled = true;
	return err;
}

/*
 * Enables clause c for the probes from first_id on that it wants.  Program
 * order of a probe's enablings is kept because clauses are walked in order.
 */
static struct error *enable_clause(struct session *s, const struct dl_clause *c, uint32_t first_id,
				   unsigned *n)
{
	/* Those that come while these are enabled are matched again when they are there. */
	uint32_t count = probe_count(s->probes), id = c->desc.id ? c->desc.id : first_id;
	struct error *err = NULL;
	struct probe *p;

	if (c->desc.id && c->desc.id < first_id)
		return NULL;
	for (; !err && (p = probe_next_match(s->probes, id, &c->desc)); id = p->id + 1) {
		if (p->id > count)
			break;
		(*n)++;
		err = enable_probe(s, p, c);
	}
	return err;
}

/* The description up to its body: "syscall:::entry" */
static int desc_len(const char *text)
{
	return (int)strcspn(text, "{/;");
}

static void print_matched(struct session *s, const struct compiled *p)
{
	const char *plural = p->n_probes == 1 ? "" : "s";

	if (dl_option(s->options, DL_OPT_QUIET) == 1)
		return;
	if (p->src.kind == DL_SRC_FILE)
		session_message(s, "script '%s' matched %u probe%s", p->source->text, p->n_probes,
				plural);
	else
		session_message(s, "description '%.*s' matched %u probe%s",
				desc_len(p->source->text), p->source->text, p->n_probes, plural);
}

struct error *session_enable(struct session *s)
{
	unsigned total = 0;

	for (size_t i = 0; i < s->programs.n; i++) {
		struct compiled *p = &s->programs.items[i];
		struct error *err = NULL;

		for (uint32_t j = 0; j < p->program->n_clauses && !err; j++)
			err = enable_clause(s, &p->program->clauses[j], 1, &p->n_probes);
		if (err)
			return error_context(err, "failed to enable '%.*s'",
					     p->src.kind == DL_SRC_FILE ?
						     (int)strlen(p->source->text) :
						     desc_len(p->source->text),
					     p->source->text);
		print_matched(s, p);
		total += p->n_probes;
	}
	if (total == 0 && dl_option(s->options, DL_OPT_ZDEFS) != 1)
		return error_format(ERR_OTHER, "no probes %s",
				    s->programs.n ? "matched" : "specified");
	return NULL;
}

struct error *session_rematch(struct session *s, uint32_t first_new_id)
{
	struct error *err = NULL;
	unsigned n = 0;

	if (first_new_id > probe_count(s->probes))
		return NULL;
	for (size_t i = 0; i < s->programs.n && !err; i++) {
		const struct dl_program *p = s->programs.items[i].program;

		for (uint32_t j = 0; p && j < p->n_clauses && !err; j++)
			err = enable_clause(s, &p->clauses[j], first_new_id, &n);
	}
	return err;
}

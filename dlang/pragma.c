/*
 * Control lines: # N "file", #line, #error, #ident and #pragma.
 *
 * The scanner hands over a line without its # when it meets it.  Attributes
 * and bindings of names not declared yet wait in the parser's list until the
 * declaration comes (dl_pragma_apply) or the program ends (dl_pragma_unused).
 */
#include "parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8 /* no control line that is looked at has more */

struct line {
	struct dl_parser *p;
	struct dl_range range;
	const char *text; /* NUL-terminated copy */
	const char *words[WORDS_MAX];
	bool quoted[WORDS_MAX];
	unsigned n; /* may exceed WORDS_MAX: then the rest is not there */
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Splits at blanks; a word in quotes may hold blanks and loses its quotes. */
static void split(struct line *l, struct arena *a)
{
	const char *s = l->text;

	for (;;) {
		while (blank(*s))
			s++;
		if (s[0] == '/' && s[1] == '*') {
			const char *close = strstr(s + 2, "*/");

			if (close) {
				s = close + 2;
				continue;
			}
		}
		if (!*s)
			return;
		bool quoted = *s == '"';
		const char *start = quoted ? ++s : s;
		bool inside = false;

		while (*s && (quoted ? *s != '"' : inside || !blank(*s))) {
			if (*s == '"')
				inside = !inside; /* name="a b" */
			s++;
		}
		if (l->n < WORDS_MAX) {
			l->words[l->n] = arena_strndup(a, start, (size_t)(s - start));
			l->quoted[l->n] = quoted;
		}
		l->n++;
		if (quoted && *s)
			s++;
	}
}

static void report(const struct line *l, enum dl_tag tag, const char *fmt, const char *arg)
{
	const char *text = arena_printf(l->p->arena, fmt, arg);

	dl_error(l->p->ctx, tag, l->range, "%s", text);
}

static bool is_of_cpp(const char *word)
{
	static const char *const cpp[] = { "include", "define", "undef", "if",	  "ifdef",
					   "ifndef",  "elif",	"else",	 "endif", "warning" };

	for (size_t i = 0; i < ARRAY_SIZE(cpp); i++)
		if (!strcmp(word, cpp[i]))
			return true;
	return false;
}

static void invalid_control(const struct line *l)
{
	const char *word = l->words[0];
	bool of_cpp = is_of_cpp(word);
	struct dl_diag *d;

	if (!of_cpp && l->p->ctx->config.builds)
		return;
	d = dl_error(l->p->ctx, D_PRAGCTL_INVAL, l->range, "invalid control directive: #%s", word);
	if (of_cpp)
		dl_hint(l->p->ctx, d, "dtrace -C runs the C preprocessor over the program");
}

/* --- # N "file" --- */

/* What cpp calls its input is not a name to show. */
static bool is_pseudo_file(const struct line *l, const char *name)
{
	const char *own = l->p->lex.source->name;

	return !strncmp(name, "/dev/fd/", 8) || !strcmp(name, "/dev/stdin") || name[0] == '<' ||
	       !*name || (own && !strcmp(own, name));
}

/* [line] N ["file" [flag ...]]; first is the word that N is. */
static void line_marker(struct line *l, unsigned first)
{
	struct dl_parser *p = l->p;
	char *end = NULL;
	bool is_system = false;

	if (l->n <= first || l->quoted[first] || !isdigit((unsigned char)l->words[first][0])) {
		report(l, D_PRAGMA_MALFORM, "malformed #%s <line> [\"file\"] [flag]",
		       first ? "line" : "");
		return;
	}
	unsigned long n = strtoul(l->words[first], &end, 10);

	if (*end || n > INT32_MAX || (l->n > first + 1 && !l->quoted[first + 1])) {
		report(l, D_PRAGMA_MALFORM, "malformed #%s <line> [\"file\"] [flag]", "line");
		return;
	}
	for (unsigned i = first + 2; i < l->n && i < WORDS_MAX; i++) {
		if (!strcmp(l->words[i], "1"))
			p->include_depth++;
		else if (!strcmp(l->words[i], "2") && p->include_depth)
			p->include_depth--;
		else if (!strcmp(l->words[i], "3"))
			is_system = true;
	}
	p->lex.in_include = p->include_depth > 0;
	p->in_system = is_system && p->include_depth;
	if (l->n > first + 1) {
		const char *name = l->words[first + 1];

		p->lex.file = is_pseudo_file(l, name) ? NULL : name;
		if (p->lex.source->kind == DL_SRC_LIBRARY && !p->lex.file)
			p->lex.file = p->lex.source->name;
	}
	/* The newline that ends this line is counted when it is reached. */
	p->lex.line = (unsigned)n - 1;
}

/* --- #pragma D option --- */

static void consider_option(void *arg, const char *name)
{
	dl_nearest_consider(arg, name);
}

/* Options that the context keeps in another form. */
static void option_was_set(struct dl_ctx *c, const char *name)
{
	const char *version;

	dl_types_set_strsize(c->types, dl_option(c->config.options, DL_OPT_STRSIZE));
	if (strcmp(name, "version") != 0)
		return;
	version = dl_option_text(c->config.options, DL_OPT_VERSION);
	if (version)
		dl_version_parse(version, &c->version);
}

static void pragma_option(struct line *l, unsigned first)
{
	struct dl_ctx *c = l->p->ctx;
	const char *value = NULL;

	if (l->n <= first) {
		report(l, D_PRAGMA_MALFORM, "malformed #pragma option <option>=<val>%s", "");
		return;
	}
	if (l->n > first + 1) {
		report(l, D_PRAGMA_MALFORM, "superfluous arguments specified for #pragma %s",
		       "option");
		return;
	}
	char *name = arena_strdup(c->arena, l->words[first]);
	char *equal = strchr(name, '=');

	if (equal) {
		*equal = '\0';
		value = equal + 1;
		size_t n = strlen(value);

		if (n >= 2 && value[0] == '"' && value[n - 1] == '"')
			value = arena_strndup(c->arena, value + 1, n - 2);
	}
	if (!c->config.options)
		return;
	struct error *err =
		dl_options_set(c->config.options, name, value, DL_OPT_FROM_PRAGMA, false);

	if (!err) {
		option_was_set(c, name);
		return;
	}
	struct dl_diag *d = value ? dl_error(c, D_PRAGMA_OPTSET, l->range,
					     "failed to set option '%s' to '%s': %s", name, value,
					     err->message) :
				    dl_error(c, D_PRAGMA_OPTSET, l->range,
					     "failed to set option '%s': %s", name, err->message);
	struct dl_nearest n = { .word = name };

	dl_options_each(consider_option, &n);
	if (n.best)
		dl_hint(c, d, "did you mean %s?", n.best);
	error_destroy(err);
}

/* --- attributes and binding --- */

static struct dl_pending_pragma *add_pending(struct line *l, const char *pragma)
{
	struct dl_pending_pragma *q = ARENA_NEW(l->p->arena, struct dl_pending_pragma);

	q->pragma = pragma;
	q->range = l->range;
	q->next = l->p->pending;
	l->p->pending = q;
	return q;
}

static void set_ident(struct dl_ident *id, struct dl_pending_pragma *q)
{
	if (q->kind == DL_PEND_ATTR)
		id->attr = q->attr;
	else
		id->version = q->version;
	q->used = true;
}

/* Applies at once if the name is known, which must be from this program. */
static void apply_or_wait(struct line *l, struct dl_pending_pragma *q)
{
	struct dl_ident *id = dl_idents_lookup(l->p->ctx->globals, q->name);

	if (!id)
		return;
	q->used = true;
	if (id->owner == l->p->lex.source)
		set_ident(id, q);
	else
		report(l, D_PRAGMA_SCOPE,
		       "#pragma %s cannot modify entity defined outside program scope", q->pragma);
}

static void set_provider(struct dl_provider_decl *prov, struct dl_pending_pragma *q)
{
	struct dl_attr *const parts[] = {
		&prov->attr.provider, &prov->attr.module, &prov->attr.function,
		&prov->attr.name,     &prov->attr.args,
	};

	*parts[q->component] = q->attr;
	q->used = true;
}

static void attributes_of_provider(struct line *l, unsigned first, struct dl_attr attr)
{
	static const char *const parts[] = { "provider", "module", "function", "name", "args" };
	struct dl_parser *p = l->p;
	unsigned i = 0;

	while (i < ARRAY_SIZE(parts) && strcmp(l->words[first + 3], parts[i]) != 0)
		i++;
	if (i == ARRAY_SIZE(parts)) {
		report(l, D_PRAGMA_INVAL, "invalid component %s specified by #pragma attributes",
		       l->words[first + 3]);
		return;
	}
	struct dl_pending_pragma *q = add_pending(l, "attributes");

	q->kind = DL_PEND_PROVIDER;
	q->name = l->words[first + 2];
	q->attr = attr;
	q->component = i;
	for (struct dl_provider_decl *d = p->ctx->providers; d; d = d->next) {
		if (strcmp(d->name, q->name) != 0)
			continue;
		q->used = true;
		if (d->range.source == p->lex.source)
			set_provider(d, q);
		else
			report(l, D_PRAGMA_SCOPE,
			       "#pragma %s cannot modify entity defined "
			       "outside program scope",
			       "attributes");
		return;
	}
}

/* attributes N/D/C ident | attributes N/D/C provider P component */
static void pragma_attributes(struct line *l, unsigned first)
{
	struct dl_attr attr;
	bool is_provider = l->n == first + 4 && !strcmp(l->words[first + 1], "provider");

	if (l->n != first + 2 && !is_provider) {
		if (l->n > first + 2)
			report(l, D_PRAGMA_MALFORM,
			       "superfluous arguments specified for #pragma %s", "attributes");
		else
			report(l, D_PRAGMA_MALFORM, "malformed #pragma %s <attributes> <ident>",
			       "attributes");
		return;
	}
	if (!dl_attr_parse(l->words[first], &attr)) {
		report(l, D_PRAGMA_INVAL, "invalid attributes specified by #pragma %s",
		       "attributes");
		return;
	}
	if (is_provider) {
		attributes_of_provider(l, first, attr);
		return;
	}
	struct dl_pending_pragma *q = add_pending(l, "attributes");

	q->kind = DL_PEND_ATTR;
	q->name = l->words[first + 1];
	q->attr = attr;
	apply_or_wait(l, q);
}

/* binding "x.y[.z]" ( ident | translator ) */
static void pragma_binding(struct line *l, unsigned first)
{
	uint32_t version;

	if (l->n != first + 2 || !l->quoted[first]) {
		report(l, D_PRAGMA_MALFORM,
		       l->n > first + 2 ? "superfluous arguments specified for #pragma %s" :
					  "malformed #pragma %s \"version\" <ident>",
		       "binding");
		return;
	}
	if (!dl_version_parse(l->words[first], &version)) {
		report(l, D_PRAGMA_INVAL,
		       "invalid version string %s specified by #pragma "
		       "binding",
		       l->words[first]);
		return;
	}
	if (!strcmp(l->words[first + 1], "translator")) {
		l->p->translator_version = version;
		return;
	}
	struct dl_pending_pragma *q = add_pending(l, "binding");

	q->kind = DL_PEND_BINDING;
	q->name = l->words[first + 1];
	q->version = version;
	apply_or_wait(l, q);
}

void dl_pragma_apply(struct dl_parser *p, const char *name)
{
	struct dl_ident *id = NULL;

	for (struct dl_pending_pragma *q = p->pending; q; q = q->next) {
		if (q->used || q->kind == DL_PEND_PROVIDER || strcmp(q->name, name) != 0)
			continue;
		if (!id)
			id = dl_idents_lookup(p->ctx->globals, name);
		if (id)
			set_ident(id, q);
	}
}

void dl_pragma_apply_provider(struct dl_parser *p, struct dl_provider_decl *prov)
{
	for (struct dl_pending_pragma *q = p->pending; q; q = q->next)
		if (!q->used && q->kind == DL_PEND_PROVIDER && !strcmp(q->name, prov->name))
			set_provider(prov, q);
}

void dl_pragma_unused(struct dl_parser *p)
{
	struct dl_pending_pragma *q, *reversed = NULL;

	while ((q = p->pending)) { /* report in source order */
		p->pending = q->next;
		q->next = reversed;
		reversed = q;
	}
	for (q = reversed; q; q = q->next)
		if (!q->used)
			dl_error(p->ctx, D_PRAGMA_UNUSED, q->range, "unused #pragma %s", q->pragma);
}

/* --- depends_on --- */

static void pragma_depends_on(struct line *l, unsigned first)
{
	struct dl_ctx *c = l->p->ctx;

	if (l->n != first + 2) {
		report(l, D_PRAGMA_MALFORM,
		       l->n > first + 2 ? "superfluous arguments specified for #pragma %s" :
					  "malformed #pragma %s <class> <name>",
		       "depends_on");
		return;
	}
	const char *class = l->words[first], *name = l->words[first + 1];

	if (strcmp(class, "provider") != 0 && strcmp(class, "module") != 0 &&
	    strcmp(class, "library") != 0) {
		report(l, D_PRAGMA_INVAL, "invalid class %s specified by #pragma depends_on",
		       class);
		return;
	}
	if (!strcmp(class, "library") && !c->loading_library)
		report(l, D_PRAGMA_DEPEND,
		       "main program may not explicitly depend on a "
		       "library%s",
		       "");
	else if (!strcmp(class, "library") && dl_library_state(c, name) != DL_LIB_LOADED)
		report(l, D_PRAGMA_DEPEND, "program requires library \"%s\" which failed to load",
		       name);
	else if (!dl_dependency_met(c, class, name))
		dl_error(c, D_PRAGMA_DEPEND, l->range, "program requires %s %s", class, name);
}

/* --- dispatch --- */

/* The words from l->words[first] on as written, for #error. */
static const char *rest_of_line(const struct line *l, unsigned first)
{
	const char *s = l->text;

	for (unsigned i = 0; i < first; i++) {
		while (blank(*s))
			s++;
		while (*s && !blank(*s))
			s++;
	}
	while (blank(*s))
		s++;
	return s;
}

static void pragma_d(struct line *l)
{
	const char *name = l->n > 2 ? l->words[2] : "";

	if (!strcmp(name, "option"))
		pragma_option(l, 3);
	else if (!strcmp(name, "attributes"))
		pragma_attributes(l, 3);
	else if (!strcmp(name, "binding"))
		pragma_binding(l, 3);
	else if (!strcmp(name, "depends_on"))
		pragma_depends_on(l, 3);
	else if (!strcmp(name, "error"))
		report(l, D_PRAGERR, "#error: %s", rest_of_line(l, 3));
	else if (strcmp(name, "ident") != 0)
		report(l, D_PRAGMA_INVAL, "invalid D pragma: %s", name);
}

static void pragma(struct line *l)
{
	if (l->n < 2)
		report(l, D_PRAGMA_MALFORM, "malformed #%s <directive>", "pragma");
	else if (!strcmp(l->words[1], "D"))
		pragma_d(l);
	else if (!strcmp(l->words[1], "error"))
		report(l, D_PRAGERR, "#error: %s", rest_of_line(l, 2));
}

void dl_control_line(void *arg, const char *text, size_t len, struct dl_range range)
{
	struct dl_parser *p = arg;
	struct line l = { .p = p, .range = range };

	l.range.region = DL_REGION_NONE;
	l.text = arena_strndup(p->arena, text, len);
	split(&l, p->arena);
	if (l.n == 0)
		return;
	if (isdigit((unsigned char)l.words[0][0]) && !l.quoted[0])
		line_marker(&l, 0);
	else if (!strcmp(l.words[0], "line"))
		line_marker(&l, 1);
	else if (!strcmp(l.words[0], "pragma"))
		pragma(&l);
	else if (!strcmp(l.words[0], "error"))
		report(&l, D_PRAGERR, "#error: %s", rest_of_line(&l, 1));
	else if (strcmp(l.words[0], "ident") != 0)
		invalid_control(&l);
}

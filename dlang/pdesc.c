/*
 * Probe descriptions: splitting the written text into its four fields, macro
 * variables inside fields, glob matching, and the nearest-name search that
 * suggestions use.
 *
 * Fields are assigned from the right: the last one written has the level of
 * the program's source, each further one to the left the next higher level.
 */
#include "parse.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "strbuf.h"

#define FIELD_MAX 63 /* bytes of a provider, module or probe name */

/* --- macro variables --- */

static const char *const macro_names[] = { "pid", "ppid", "pgid",   "sid",    "uid",   "euid",
					   "gid", "egid", "target", "projid", "taskid" };

bool dl_macro_value(const struct dl_ctx *c, const char *name, size_t len, int64_t *ret)
{
	const struct dl_macros *m = &c->config.macros;
	const int64_t values[ARRAY_SIZE(macro_names)] = { m->pid, m->ppid, m->pgid,
							  m->sid, m->uid,  m->euid,
							  m->gid, m->egid, m->target };

	for (size_t i = 0; i < ARRAY_SIZE(macro_names); i++) {
		if (strlen(macro_names[i]) == len && !memcmp(macro_names[i], name, len)) {
			*ret = values[i];
			return true;
		}
	}
	return false;
}

const char *dl_macro_suggest(const char *word)
{
	struct dl_nearest n = { .word = word };

	for (size_t i = 0; i < ARRAY_SIZE(macro_names); i++)
		dl_nearest_consider(&n, macro_names[i]);
	return n.best;
}

const char *dl_macro_arg(struct dl_ctx *c, uint64_t n)
{
	const struct dl_macros *m = &c->config.macros;

	if (n > c->arg_refs_max && n <= UINT32_MAX)
		c->arg_refs_max = (uint32_t)n;
	if (n == 0)
		return m->script_name ? m->script_name : "dtrace";
	if (n <= m->n_args)
		return m->args[n - 1];
	return NULL;
}

/* Expands one macro at p (after its $) into sb; NULL if it is not defined. */
static const char *expand_macro(struct dl_ctx *c, const char *p, const char *end, struct strbuf *sb)
{
	const char *start;
	int64_t value;

	if (p < end && *p == '$') /* $$1, $$target: the same text in a field */
		p++;
	start = p;
	if (p < end && isdigit((unsigned char)*p)) {
		uint64_t n = 0;

		for (; p < end && isdigit((unsigned char)*p); p++)
			n = n < UINT32_MAX ? n * 10 + (uint64_t)(*p - '0') : n;
		const char *text = dl_macro_arg(c, n);

		if (!text && dl_option(c->config.options, DL_OPT_DEFAULTARGS) != 1)
			return NULL;
		strbuf_puts(sb, text ? text : "");
		return p;
	}
	while (p < end && (isalpha((unsigned char)*p) || *p == '_'))
		p++;
	if (!dl_macro_value(c, start, (size_t)(p - start), &value))
		return NULL;
	strbuf_printf(sb, "%" PRId64, value);
	return p;
}

static bool expand_field(struct dl_ctx *c, const char *p, const char *end, struct strbuf *sb)
{
	while (p < end) {
		if (*p != '$') {
			strbuf_putc(sb, *p++);
			continue;
		}
		p = expand_macro(c, p + 1, end, sb);
		if (!p)
			return false;
	}
	return true;
}

/* --- splitting --- */

static bool invalid(struct dl_ctx *c, struct dl_range range, const char *text, const char *why)
{
	/* Probe-description errors have no place in the program's text but the line. */
	range.region = DL_REGION_NONE;
	struct dl_diag *d = dl_error(c, D_PDESC_INVAL, range,
				     "invalid probe description \"%s\": %s", text, why);

	if (strstr(why, "Overspecified"))
		dl_hint(c, d,
			"a description has four fields, provider:module:function:name; "
			"any of them may be empty");
	return false;
}

/* Field number i of the four, 0 = provider. */
static void set_field(struct dl_pdesc *d, int i, const char *text)
{
	if (i == DL_LEVEL_PROVIDER)
		d->prov = text;
	else if (i == DL_LEVEL_MODULE)
		d->mod = text;
	else if (i == DL_LEVEL_FUNCTION)
		d->func = text;
	else
		d->name = text;
}

/*
 * "pid1:a.out:ns::f:entry" has more colons than fields: those of the function
 * are its own.  Returns where the function begins and ends, if it is so.
 */
static bool find_scoped(const char *text, enum dl_level level, const char **from, const char **to)
{
	const char *p = text;

	if (strncmp(text, "pid", 3) != 0) /* only these have functions of C++ */
		return false;
	*to = level == DL_LEVEL_NAME ? strrchr(text, ':') : text + strlen(text);
	for (int fields = 0; fields < 2; fields++, p++)
		if (!(p = strchr(p, ':')))
			return false;
	*from = p;
	if (level < DL_LEVEL_FUNCTION || !*to || *to <= p)
		return false;
	return memmem(p, (size_t)(*to - p), "::", 2) != NULL;
}

bool dl_pdesc_parse(struct dl_ctx *c, const char *text, enum dl_level level, struct dl_range range,
		    struct dl_pdesc *ret)
{
	const char *end = text + strlen(text), *from = NULL, *to = NULL;
	bool is_scoped = find_scoped(text, level, &from, &to);
	int field = (int)level;

	*ret = (struct dl_pdesc){ .prov = "", .mod = "", .func = "", .name = "" };
	for (;;) {
		const char *start = end;

		while (start > text && start[-1] != ':')
			start--;
		if (is_scoped && field == DL_LEVEL_FUNCTION)
			start = from;
		if (field < 0)
			return invalid(c, range, text, "Overspecified probe description");
		struct strbuf sb = { 0 };
		bool ok = expand_field(c, start, end, &sb);
		const char *value = arena_strdup(c->arena, strbuf_text(&sb));

		strbuf_deinit(&sb);
		if (!ok)
			return invalid(c, range, text,
				       "Undefined macro variable in probe description");
		if (field != DL_LEVEL_FUNCTION && strlen(value) > FIELD_MAX)
			return invalid(c, range, text, "File name too long");
		set_field(ret, field--, value);
		if (start == text)
			return true;
		end = start - 1;
	}
}

bool dl_pdesc_from_id(struct dl_ctx *c, uint64_t id, enum dl_level level, struct dl_range range,
		      struct dl_pdesc *ret)
{
	static const char *const kinds[] = { "providers", "modules", "functions" };

	range.region = DL_REGION_NONE;
	*ret = (struct dl_pdesc){ .prov = "", .mod = "", .func = "", .name = "" };
	if (level != DL_LEVEL_NAME)
		dl_error(c, D_PDESC_INVAL, range,
			 "probe identifier %" PRIu64 " not permitted when specifying %s", id,
			 kinds[level]);
	else if (id > UINT32_MAX)
		dl_error(c, D_PDESC_INVAL, range, "identifier %" PRIu64 " exceeds maximum probe id",
			 id);
	else if (id == 0)
		dl_error(c, D_PDESC_INVAL, range,
			 "invalid probe identifier 0: No probe matches description");
	else
		ret->id = (uint32_t)id;
	return ret->id != 0;
}

/* --- globs --- */

static bool is_special(char c)
{
	return c == '*' || c == '?' || c == '[' || c == '\\';
}

bool dl_is_glob(const char *pattern)
{
	return strpbrk(pattern, "*?[\\") != NULL;
}

/* Matches the class at p ("[") against ch; *end_ret is behind its "]". */
static bool match_class(const char *p, unsigned char ch, const char **end_ret)
{
	bool negate = *++p == '!', hit = false, first = true;

	*end_ret = NULL;
	if (negate)
		p++;
	for (; *p && (*p != ']' || first); first = false) {
		unsigned char lo, hi;

		if (*p == '\\' && p[1])
			p++;
		lo = hi = (unsigned char)*p++;
		if (*p == '-' && p[1] && p[1] != ']') {
			p++;
			if (*p == '\\' && p[1])
				p++;
			hi = (unsigned char)*p++;
		}
		if (ch >= lo && ch <= hi)
			hit = true;
	}
	if (*p != ']')
		return false; /* no end: never matches */
	*end_ret = p + 1;
	return hit != negate;
}

/* One pattern element against one character; NULL: no match. */
static const char *match_one(const char *p, char ch)
{
	const char *end;

	switch (*p) {
	case '\0': return NULL;
	case '?': return p + 1;
	case '[': return match_class(p, (unsigned char)ch, &end) ? end : NULL;
	case '\\':
		if (p[1])
			p++;
		return *p == ch ? p + 1 : NULL;
	default: return *p == ch ? p + 1 : NULL;
	}
}

/* Only the last star needs to be tried again: an earlier one can't do better. */
static bool match_glob(const char *p, const char *s)
{
	const char *star = NULL, *retry = NULL;

	while (*s) {
		if (*p == '*') {
			star = ++p;
			retry = s;
			continue;
		}
		const char *next = match_one(p, *s);

		if (next) {
			p = next;
			s++;
		} else if (star) {
			p = star;
			s = ++retry;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return !*p;
}

bool dl_glob_match(const char *pattern, const char *text)
{
	if (!*pattern)
		return true;
	/* Hundreds of probes are asked for each description: most differ soon. */
	for (; *pattern && !is_special(*pattern); pattern++, text++)
		if (*pattern != *text)
			return false;
	return *pattern ? match_glob(pattern, text) : !*text;
}

/* --- suggestions --- */

#define NEAR_WORD_MAX 64

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edit distance with swaps of neighbours; lengths are at most NEAR_WORD_MAX. */
static unsigned edit_distance(const char *a, size_t an, const char *b, size_t bn)
{
	unsigned rows[3][NEAR_WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= bn; j++)
		last[j] = (unsigned)j;
	memset(before, 0, sizeof(rows[0]));
	for (size_t i = 1; i <= an; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= bn; j++) {
			row[j] = min3(last[j] + 1, row[j - 1] + 1,
				      last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		unsigned *spare = before;

		before = last;
		last = row;
		row = spare;
	}
	return last[bn];
}

void dl_nearest_consider(struct dl_nearest *n, const char *candidate)
{
	size_t wn = n->word ? strlen(n->word) : 0, cn = strlen(candidate);
	unsigned limit = wn < 3 ? 0 : wn < 6 ? 1 : wn < 9 ? 2 : 3;

	if (!wn || !cn || wn > NEAR_WORD_MAX || cn > NEAR_WORD_MAX)
		return;
	if ((wn > cn ? wn - cn : cn - wn) > limit)
		return;
	unsigned d = edit_distance(n->word, wn, candidate, cn);

	if (d == 0 || d > limit || (n->best && d >= n->best_distance))
		return;
	n->best = candidate;
	n->best_distance = d;
}

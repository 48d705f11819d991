/*
 * C++ and Rust names, by libiberty's demangler.
 *
 * It is slow (microseconds) and big programs have 100 000 names, so names are
 * kept, and a pattern is first looked for in the mangled name: identifiers
 * stand in there as they are.
 */
#include "demangle.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_LIBIBERTY
#include <libiberty/demangle.h>
#undef ARRAY_SIZE /* libiberty has its own */
#endif

#include "../dlang/compile.h"

#define NAME_MAX_LEN 4096 /* longer ones are left as they are */

struct entry {
	const char *name; /* borrowed: the key, by address */
	char *pretty; /* owned; NULL: not mangled */
};

struct demangler {
	struct entry *slots;
	size_t n_slots, n_used;
};

bool demangle_is_mangled(const char *name)
{
	return name[0] == '_' &&
	       (name[1] == 'Z' || name[1] == 'R' || (name[1] == '_' && name[2] == 'Z'));
}

#ifdef HAVE_LIBIBERTY
char *demangle(const char *name)
{
	if (!demangle_is_mangled(name) || strlen(name) > NAME_MAX_LEN)
		return NULL;
	return cplus_demangle(name, DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP | DMGL_AUTO);
}
#else
char *demangle(const char *name)
{
	(void)name;
	return NULL;
}
#endif

/* -------------------------------------------------------------- cache -- */

void demangler_destroy(struct demangler *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_slots; i++)
		free(d->slots[i].pretty);
	free(d->slots);
	free(d);
}

static struct entry *find(struct demangler *d, const char *name)
{
	size_t i = (size_t)(((uintptr_t)name * 0x9e3779b97f4a7c15u) >> 24);

	for (;; i++) {
		struct entry *e = &d->slots[i & (d->n_slots - 1)];

		if (!e->name || e->name == name)
			return e;
	}
}

static bool make_room(struct demangler *d)
{
	struct demangler grown = { .n_slots = d->n_slots ? d->n_slots * 2 : 256 };

	if (d->n_used + 1 <= d->n_slots / 2)
		return true;
	grown.slots = calloc(grown.n_slots, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (size_t i = 0; i < d->n_slots; i++)
		if (d->slots[i].name)
			*find(&grown, d->slots[i].name) = d->slots[i];
	free(d->slots);
	d->slots = grown.slots;
	d->n_slots = grown.n_slots;
	return true;
}

const char *demangler_name(struct demangler **d, const char *name)
{
	struct entry *e;

	if (!demangle_is_mangled(name))
		return name;
	if (!*d)
		*d = calloc(1, sizeof(**d));
	if (!*d || !make_room(*d))
		return name;
	e = find(*d, name);
	if (!e->name) {
		e->name = name;
		e->pretty = demangle(name);
		(*d)->n_used++;
	}
	return e->pretty ? e->pretty : name;
}

/* ----------------------------------------------------------- matching -- */

/* The place of the bracket that the one at s[end - 1] closes; end if none does. */
static size_t opening(const char *s, size_t end, char open, char close)
{
	int depth = 0;

	for (size_t i = end; i-- > 0;) {
		if (s[i] == close)
			depth++;
		else if (s[i] == open && --depth == 0)
			return i;
	}
	return end;
}

/*
 * Parameters are the last group of parentheses, behind which qualifiers or
 * "[clone .cold]" may stand.  Nothing may be in front but a name: the
 * parentheses of "(anonymous namespace)::f" and "operator()" are not it.
 */
size_t demangle_base(const char *s)
{
	const char *close = strrchr(s, ')');
	size_t n = strlen(s), end, at;

	if (!close || strstr(close, "::"))
		return n;
	end = (size_t)(close - s) + 1;
	at = opening(s, end, '(', ')');
	if (at == end || !at)
		return n;
	if (at >= 8 && !strncmp(s + at - 8, "operator", 8) && end - at == 2)
		return n; /* operator() without parameters: as it stands */
	return at;
}

/* Length without the template arguments at the end of the base name. */
static size_t without_template(const char *s, size_t base)
{
	size_t at;

	if (!base || s[base - 1] != '>' || (base >= 9 && !strncmp(s + base - 9, "operator>", 9)))
		return base;
	at = opening(s, base, '<', '>');
	return at && at < base ? at : base;
}

static bool equal(const char *pattern, const char *s, size_t n)
{
	size_t i = 0;

	for (;; pattern++) {
		while (*pattern == ' ')
			pattern++;
		while (i < n && s[i] == ' ')
			i++;
		if (i == n || !*pattern)
			return i == n && !*pattern;
		if (*pattern != s[i++])
			return false;
	}
}

static bool glob(const char *pattern, const char *s, size_t n)
{
	char buf[NAME_MAX_LEN];

	if (n >= sizeof(buf))
		return false;
	memcpy(buf, s, n);
	buf[n] = '\0';
	return dl_glob_match(pattern, buf);
}

static bool matches(const char *pattern, const char *s)
{
	bool (*match)(const char *, const char *, size_t) = dl_is_glob(pattern) ? glob : equal;
	size_t n = strlen(s), base = demangle_base(s), plain = without_template(s, base);

	return match(pattern, s, n) || (base < n && match(pattern, s, base)) ||
	       (plain < base && match(pattern, s, plain));
}

/* Namespaces without a name need not be written. */
bool demangle_matches(const char *pattern, const char *s)
{
	static const char anonymous[] = "(anonymous namespace)::";
	const size_t n = sizeof(anonymous) - 1;
	char buf[NAME_MAX_LEN];
	char *at;

	if (matches(pattern, s))
		return true;
	if (strlen(s) >= sizeof(buf) || !strstr(s, anonymous) || strstr(pattern, anonymous))
		return false;
	strcpy(buf, s);
	while ((at = strstr(buf, anonymous)))
		memmove(at, at + n, strlen(at + n) + 1);
	return matches(pattern, buf);
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Names that the C++ ABI has abbreviations for. */
static bool is_abbreviated(const char *s, size_t n)
{
	static const char *const names[] = { "string",	"basic_string", "allocator", "istream",
					     "ostream", "iostream",	"std" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == n && !memcmp(names[i], s, n))
			return true;
	return false;
}

/* A function's own name stands in the mangled name as it is. */
bool demangle_may_match(const char *pattern, const char *name)
{
	const char *last = NULL;
	size_t len = 0;

	if (!demangle_is_mangled(name))
		return false;
	if (strstr(pattern, "operator"))
		return true;
	if (!strncmp(pattern, "(anonymous", 10))
		pattern = strchr(pattern, ')') ? strchr(pattern, ')') + 1 : pattern;
	for (const char *p = pattern; *p && !strchr("(<[\\", *p);) {
		size_t n = 0;

		while (is_word(p[n]))
			n++;
		if (n) {
			last = p;
			len = n;
		}
		p += n ? n : 1;
	}
	return !len || is_abbreviated(last, len) || memmem(name, strlen(name), last, len);
}

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
	if (at >= base)
		return base;
	return at > 2 && !memcmp(s + at - 2, "::", 2) ? at - 2 : at ? at : base; /* Rust: f::<T> */
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

/* The brackets of "operator[]" and "f[abi:cxx11]" look like a glob's. */
static bool match(const char *pattern, const char *s, size_t n)
{
	return equal(pattern, s, n) || (dl_is_glob(pattern) && glob(pattern, s, n));
}

static bool matches(const char *pattern, const char *s)
{
	size_t n = strlen(s), base = demangle_base(s), plain = without_template(s, base);
	size_t unqualified = n > 6 && !strcmp(s + n - 6, " const") ? n - 6 : n;

	return match(pattern, s, n) || (base < n && match(pattern, s, base)) ||
	       (plain < base && match(pattern, s, plain)) ||
	       (unqualified < n && match(pattern, s, unqualified));
}

static void replace(char *s, const char *what, const char *with)
{
	size_t n = strlen(what), m = strlen(with);

	for (char *at = s; (at = strstr(at, what)); at += m) {
		memmove(at + m, at + n, strlen(at + n) + 1);
		memcpy(at, with, m);
	}
}

/* The tags that the ABI appends to names: "[abi:cxx11]". */
static void remove_tags(char *s)
{
	for (char *at = s; (at = strstr(at, "[abi:"));) {
		char *end = strchr(at, ']');

		if (!end)
			return;
		memmove(at, end + 1, strlen(end));
	}
}

/* As people write it who have not seen the demangler's way; false: it is already. */
static bool simplify(const char *pattern, char *s)
{
	static const char anonymous[] = "(anonymous namespace)::", inner[] = "std::__cxx11::";
	bool with_anonymous = strstr(s, anonymous) && !strstr(pattern, anonymous);
	bool with_tags = strstr(s, "[abi:") && !strstr(pattern, "[abi:");
	bool with_inner = strstr(s, inner) && !strstr(pattern, inner);

	if (with_anonymous)
		replace(s, anonymous, "");
	if (with_tags)
		remove_tags(s);
	if (with_inner) {
		replace(s, inner, "std::");
		replace(s, "std::basic_string<char, std::char_traits<char>, std::allocator<char> >",
			"std::string");
	}
	return with_anonymous || with_tags || with_inner;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Behind the type that begins at p: words of one built in, or a name with its arguments. */
static const char *type_end(const char *p)
{
	static const char *const words[] = { "unsigned ", "signed ", "long ", "short " };
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < ARRAY_SIZE(words) && !again; i++)
			if ((again = !strncmp(p, words[i], strlen(words[i]))))
				p += strlen(words[i]);
	}
	for (int depth = 0; is_word(*p) || *p == ':' || *p == '<' || (depth && *p); p++) {
		depth += *p == '<';
		if (*p == '>' && depth && --depth == 0 && p[1] != ':')
			return p + 1;
	}
	return p;
}

/* "f(const char *)" as the demangler has it, f(char const *).  false: there is nothing to do. */
static bool move_const(const char *pattern, char *buf, size_t size)
{
	static const char word[] = "const ";
	const size_t n = sizeof(word) - 1;
	bool is_changed = false;
	char last = '\0';
	size_t len = 0;

	if (!strstr(pattern, word) || strlen(pattern) >= size)
		return false;
	for (const char *p = pattern; *p;) {
		if (last && strchr("(,<", last) && !strncmp(p, word, n)) {
			const char *end = type_end(p + n);
			size_t type = (size_t)(end - p) - n;

			memcpy(buf + len, p + n, type);
			while (type && buf[len + type - 1] == ' ')
				type--;
			memcpy(buf + len + type, " const", n);
			len += type + n;
			p = end;
			last = 't';
			is_changed = true;
			continue;
		}
		last = *p == ' ' ? last : *p;
		buf[len++] = *p++;
	}
	buf[len] = '\0';
	return is_changed;
}

/*
 * Namespaces without a name, tags and std's inner namespace need not be
 * written, and const may stand in front.
 */
bool demangle_matches(const char *pattern, const char *s)
{
	char simple[NAME_MAX_LEN], moved[NAME_MAX_LEN];

	if (matches(pattern, s))
		return true;
	if (strlen(s) >= sizeof(simple))
		return false;
	strcpy(simple, s);
	if (move_const(pattern, moved, sizeof(moved)))
		return matches(moved, s) || (simplify(moved, simple) && matches(moved, simple));
	return simplify(pattern, simple) && matches(pattern, simple);
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
	if (strstr(pattern, "operator") || strstr(pattern, "lambda") ||
	    strstr(pattern, "closure") || strchr(pattern, '{') || strstr(pattern, "thunk"))
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

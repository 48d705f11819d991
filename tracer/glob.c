/*
 * Glob matching.  One star is remembered at a time: when what follows it does
 * not fit, the star takes one more character.  That is enough, because an
 * earlier star never has to give back what a later one could take.
 */
#include "glob.h"

#include <stddef.h>
#include <string.h>

bool glob_is(const char *pattern)
{
	return strpbrk(pattern, "*?[\\") != NULL;
}

/*
 * Matches c against the class after '['.  *end gets what follows the class;
 * NULL: it isn't closed, '[' is then an ordinary character.
 */
static bool match_class(const char *p, unsigned char c, const char **end)
{
	bool negated = *p == '!' || *p == '^', found = false;
	const char *first = p += negated;

	*end = NULL;
	for (; *p && (*p != ']' || p == first); p++) {
		if (*p == '\\' && p[1])
			p++;
		unsigned char lo = (unsigned char)*p, hi = lo;

		if (p[1] == '-' && p[2] && p[2] != ']') {
			p += 2;
			if (*p == '\\' && p[1])
				p++;
			hi = (unsigned char)*p;
		}
		found |= lo <= c && c <= hi;
	}
	if (*p == ']')
		*end = p + 1;
	return found != negated;
}

/* One pattern element (no star) against one character; *next is what follows it. */
static bool match_one(const char *p, char c, const char **next)
{
	if (*p == '?') {
		*next = p + 1;
		return true;
	}
	if (*p == '[') {
		bool ok = match_class(p + 1, (unsigned char)c, next);

		if (*next)
			return ok;
	}
	if (*p == '\\' && p[1])
		p++;
	*next = p + 1;
	return *p == c;
}

bool glob_match(const char *p, const char *text)
{
	const char *star = NULL, *resume = NULL, *next;

	while (*text) {
		if (*p == '*') {
			star = ++p;
			resume = text;
		} else if (*p && match_one(p, *text, &next)) {
			p = next;
			text++;
		} else if (star) {
			p = star;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return !*p;
}

/*
 * printf formats: text to a list of conversions.  What a conversion may be
 * given is in format_check.c.
 */
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "vec.h"

#define NUMBER_MAX 65535 /* widths and precisions */

struct scan {
	struct arena *a;
	const char *p;
	unsigned n; /* conversions so far, this one included */
	const char *why;
};

static bool fail(struct scan *s, const char *text)
{
	s->why = arena_printf(s->a, "format conversion #%u %s", s->n, text);
	return false;
}

static bool number(struct scan *s, int *ret)
{
	long v = 0;

	while (*s->p >= '0' && *s->p <= '9' && v <= NUMBER_MAX)
		v = v * 10 + (*s->p++ - '0');
	if (v > NUMBER_MAX)
		return fail(s, "has a width or precision that is too large");
	*ret = (int)v;
	return true;
}

static bool precision(struct scan *s, struct dl_conv *c, bool *seen)
{
	if (*seen)
		return fail(s, "has more than one '.' specified");
	*seen = true;
	if (*s->p != '*')
		return number(s, &c->prec);
	s->p++;
	c->flags |= DL_CF_DYNPREC;
	return true;
}

static bool star(struct scan *s, struct dl_conv *c)
{
	if (c->flags & DL_CF_DYNWIDTH)
		return fail(s, "has more than one '*' specified for the output width");
	c->flags |= DL_CF_DYNWIDTH;
	return true;
}

static bool flag(struct dl_conv *c, char ch)
{
	switch (ch) {
	case '#': c->flags |= DL_CF_ALT; break;
	case '0': c->flags = (c->flags & ~(uint32_t)DL_CF_LEFT) | DL_CF_ZERO; break;
	case '-': c->flags = (c->flags & ~(uint32_t)DL_CF_ZERO) | DL_CF_LEFT; break;
	case '+': c->flags |= DL_CF_PLUS; break;
	case ' ': c->flags |= DL_CF_SPACE; break;
	case '\'': c->flags |= DL_CF_GROUP; break;
	case '?': c->flags |= DL_CF_PTRWIDTH; break;
	case '@': c->flags |= DL_CF_AGG; break;
	default: return false;
	}
	return true;
}

/* Everything between % and the conversion letter; flags may stand anywhere. */
static bool options(struct scan *s, struct dl_conv *c)
{
	bool seen_prec = false;

	for (;;) {
		char ch = *s->p;

		if (ch >= '1' && ch <= '9') {
			if (!number(s, &c->width))
				return false;
		} else if (ch == '*') {
			s->p++;
			if (!star(s, c))
				return false;
		} else if (ch == '.') {
			s->p++;
			if (!precision(s, c, &seen_prec))
				return false;
		} else if (ch == '$') {
			return fail(s, "uses a positional argument: these are not supported");
		} else if (flag(c, ch)) {
			s->p++;
		} else {
			return true;
		}
	}
}

static void size(struct scan *s, struct dl_conv *c)
{
	if (*s->p != 'h' && *s->p != 'l' && *s->p != 'L' && *s->p != 'w')
		return;
	c->size[0] = *s->p++;
	if (c->size[0] == 'l' && *s->p == 'l')
		c->size[1] = *s->p++;
}

static bool is_known(const struct dl_conv *c)
{
	const char *letters = "diouxXcCsSpaAeEfgGkPITY";

	if (!strcmp(c->size, "h") || !strcmp(c->size, "ll"))
		letters = "diouxX";
	else if (!strcmp(c->size, "l"))
		letters = "diouxXcs";
	else if (!strcmp(c->size, "L"))
		letters = "eEfgG";
	else if (!strcmp(c->size, "w"))
		letters = "cs";
	return strchr(letters, c->conv) != NULL;
}

static bool conversion(struct scan *s, struct dl_conv *c)
{
	const char *start = s->p++;

	s->n++;
	if (!options(s, c))
		return false;
	size(s, c);
	if (!*s->p)
		return fail(s, "name expected before end of format string");
	c->conv = *s->p++;
	c->spec = arena_strndup(s->a, start, (size_t)(s->p - start));
	if (c->conv == '%')
		return fail(s, "is %% and may not carry options");
	if (is_known(c))
		return true;
	s->why = arena_printf(s->a, "format conversion #%u is undefined: %%%s%c", s->n, c->size,
			      c->conv);
	return false;
}

/* Literal text up to a conversion or the end, %% folded. */
static void literal(struct scan *s, struct dl_conv *c)
{
	size_t len = strlen(s->p), n = 0;
	char *text = arena_alloc(s->a, len + 1);

	while (*s->p && (*s->p != '%' || s->p[1] == '%')) {
		if (*s->p == '%')
			s->p++;
		text[n++] = *s->p++;
	}
	c->text = text;
	c->text_len = (uint32_t)n;
}

/* How many % there are: room for as many conversions and the last text. */
static size_t upper_bound(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '%';
	return n;
}

const struct dl_format *dl_format_parse(struct arena *a, const char *text, const char **why_ret)
{
	struct scan s = { .a = a, .p = text };
	struct dl_conv *convs = ARENA_ARRAY(a, upper_bound(text), struct dl_conv);
	struct dl_format *f = ARENA_NEW(a, struct dl_format);

	do {
		struct dl_conv *c = &convs[f->n++];

		literal(&s, c);
		c->spec = "";
		if (*s.p && !conversion(&s, c)) {
			*why_ret = s.why;
			return NULL;
		}
	} while (*s.p);
	f->convs = convs;
	return f;
}

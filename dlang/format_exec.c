/*
 * printf formats over values: see format_exec.h.
 *
 * The front end has parsed the format and checked the kinds of its arguments,
 * so executing one is a walk over struct dl_conv.  Integers are formatted by
 * hand: it is the hot path of most scripts, and the length modifier comes
 * from the value and not from the format.  A value of a kind that a
 * conversion can't show (only a malformed entry has one) shows as 0 or as the
 * empty string.
 */
#include "format_exec.h"

#include <limits.h>
#include <netdb.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <wchar.h>

#include "state.h"

#define WIDTH_MAX 65536 /* bounds what one dynamic width can print */

/* A conversion with its dynamic width and precision filled in. */
struct spec {
	uint32_t flags;
	uint32_t width;
	uint32_t prec; /* 0 = none */
	char conv;
	const char *thousands;
};

/* Values still to be consumed, left to right. */
struct args {
	const struct dl_value *next;
	const struct dl_value *end;
	uint32_t agg; /* next aggregation of %@ */
	bool missing;
};

/* --- text and integers --- */

static void put_text(struct strbuf *out, const struct spec *s, const char *text, size_t len)
{
	size_t pad = s->width > len ? s->width - len : 0;

	if (pad && !(s->flags & DL_CF_LEFT))
		strbuf_fill(out, ' ', pad);
	strbuf_add(out, text, len);
	if (pad && (s->flags & DL_CF_LEFT))
		strbuf_fill(out, ' ', pad);
}

/* Writes v backwards from end; returns where it starts. */
static char *digits_of(uint64_t v, unsigned base, bool upper, char *end)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	if (base == 10) {
		do {
			*--end = (char)('0' + v % 10);
		} while (v /= 10);
	} else {
		do {
			*--end = set[v % base];
		} while (v /= base);
	}
	return end;
}

void dl_put_int(struct strbuf *out, int64_t v, bool is_signed)
{
	char buf[24], *end = buf + sizeof(buf), *p;
	bool neg = is_signed && v < 0;

	p = digits_of(neg ? 0 - (uint64_t)v : (uint64_t)v, 10, false, end);
	if (neg)
		*--p = '-';
	strbuf_add(out, p, (size_t)(end - p));
}

/* Copies digits with a separator between groups of three. */
static size_t group_digits(char *to, size_t cap, const char *digits, size_t n, const char *sep)
{
	size_t sep_len = strlen(sep), len = 0;

	for (size_t i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0 && len + sep_len < cap) {
			memcpy(to + len, sep, sep_len);
			len += sep_len;
		}
		if (len < cap)
			to[len++] = digits[i];
	}
	return len;
}

static unsigned base_of(char conv)
{
	return conv == 'o' ? 8 : conv == 'x' || conv == 'X' || conv == 'p' ? 16 : 10;
}

/* What goes in front of the digits: a sign or 0x. */
static const char *prefix_of(const struct spec *s, uint64_t v, bool neg, unsigned base,
			     bool is_signed)
{
	if (neg)
		return "-";
	if (is_signed && (s->flags & DL_CF_PLUS))
		return "+";
	if (is_signed && (s->flags & DL_CF_SPACE))
		return " ";
	if (base == 16 && (s->flags & DL_CF_ALT) && v)
		return s->conv == 'X' ? "0X" : "0x";
	return "";
}

static void put_number(struct strbuf *out, const struct spec *s, uint64_t v, bool neg,
		       bool is_signed)
{
	char buf[32], grouped[160];
	unsigned base = base_of(s->conv);
	char *digits = digits_of(v, base, s->conv == 'X', buf + sizeof(buf));
	size_t n = (size_t)(buf + sizeof(buf) - digits), zeros = 0, pad = 0;
	const char *prefix = prefix_of(s, v, neg, base, is_signed);

	if ((s->flags & DL_CF_GROUP) && base == 10 && s->thousands) {
		n = group_digits(grouped, sizeof(grouped), digits, n, s->thousands);
		digits = grouped;
	}
	if (s->prec > n)
		zeros = s->prec - n;
	if (base == 8 && (s->flags & DL_CF_ALT) && !zeros && v)
		zeros = 1;

	size_t len = strlen(prefix) + zeros + n;

	if (s->width > len)
		pad = s->width - len;
	if (pad && (s->flags & DL_CF_ZERO) && !(s->flags & DL_CF_LEFT) && !s->prec) {
		zeros += pad;
		pad = 0;
	}
	if (!(s->flags & DL_CF_LEFT))
		strbuf_fill(out, ' ', pad);
	strbuf_puts(out, prefix);
	strbuf_fill(out, '0', zeros);
	strbuf_add(out, digits, n);
	if (s->flags & DL_CF_LEFT)
		strbuf_fill(out, ' ', pad);
}

/* value has been extended to 64 bits by its own type; size cuts it again. */
static void put_integer(struct strbuf *out, const struct spec *s, int64_t value, uint32_t size,
			bool is_signed)
{
	unsigned shift = size && size < 8 ? 64 - 8 * size : 0;

	if (s->conv == 'i') /* always signed */
		is_signed = true;
	if (s->conv != 'd' && s->conv != 'i')
		is_signed = false;

	uint64_t bits = (uint64_t)value << shift;

	if (is_signed) {
		int64_t v = (int64_t)bits >> shift;

		put_number(out, s, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0, true);
	} else {
		put_number(out, s, bits >> shift, false, false);
	}
}

/* --- characters and strings --- */

void dl_put_escaped(struct strbuf *out, const char *s, size_t n)
{
	static const char plain[] = "\a\b\f\n\r\t\v\"\\";
	static const char letter[] = "abfnrtv\"\\";

	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)s[i];
		const char *at = ch ? strchr(plain, ch) : NULL;

		if (at)
			strbuf_printf(out, "\\%c", letter[at - plain]);
		else if (!ch)
			strbuf_puts(out, "\\0");
		else if (ch < 0x20 || ch > 0x7e)
			strbuf_printf(out, "\\%03o", ch);
		else
			strbuf_putc(out, (char)ch);
	}
}

/* UTF-8 whatever the locale: the output is not the target's terminal. */
static size_t utf8_of(uint32_t ch, char *to)
{
	if (ch < 0x80) {
		to[0] = (char)ch;
		return 1;
	}
	if (ch < 0x800) {
		to[0] = (char)(0xc0 | ch >> 6);
		to[1] = (char)(0x80 | (ch & 0x3f));
		return 2;
	}
	if (ch > 0x10ffff || (ch >= 0xd800 && ch < 0xe000))
		ch = 0xfffd;
	if (ch < 0x10000) {
		to[0] = (char)(0xe0 | ch >> 12);
		to[1] = (char)(0x80 | (ch >> 6 & 0x3f));
		to[2] = (char)(0x80 | (ch & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | ch >> 18);
	to[1] = (char)(0x80 | (ch >> 12 & 0x3f));
	to[2] = (char)(0x80 | (ch >> 6 & 0x3f));
	to[3] = (char)(0x80 | (ch & 0x3f));
	return 4;
}

static void put_char(struct strbuf *out, const struct spec *s, const struct dl_conv *c,
		     const struct dl_value *v)
{
	int64_t value = dl_value_int(v);
	char buf[8];
	size_t n = 1;

	buf[0] = (char)value;
	if (c->size[0] == 'l' || c->size[0] == 'w')
		n = utf8_of((uint32_t)value, buf);
	put_text(out, s, buf, n);
}

static void put_escaped_text(struct strbuf *out, const struct spec *s, const char *text, size_t n)
{
	struct strbuf esc = { 0 };

	dl_put_escaped(&esc, text, n);
	if (s->prec && s->prec < esc.len)
		esc.len = s->prec;
	put_text(out, s, strbuf_text(&esc), esc.len);
	strbuf_deinit(&esc);
}

static void put_wide_text(struct strbuf *out, const struct spec *s, const char *bytes, uint32_t len)
{
	struct strbuf text = { 0 };
	char buf[8];

	for (uint32_t i = 0; i + 4 <= len; i += 4) {
		uint32_t ch;

		memcpy(&ch, bytes + i, sizeof(ch));
		if (!ch)
			break;

		size_t n = utf8_of(ch, buf);

		if (s->prec && text.len + n > s->prec)
			break;
		strbuf_add(&text, buf, n);
	}
	put_text(out, s, strbuf_text(&text), text.len);
	strbuf_deinit(&text);
}

static void put_string(struct strbuf *out, const struct dl_format_env *env, const struct spec *s,
		       const struct dl_conv *c, const struct dl_value *v)
{
	uint32_t len;
	const char *text = dl_value_bytes(v, &len);

	if (v->desc->kind == DL_VK_SYM) {
		struct strbuf sym = { 0 };

		dl_put_symbol(&sym, env, (uint32_t)dl_value_word(v, 0), dl_value_word(v, 1),
			      v->desc->symkind);
		put_text(out, s, strbuf_text(&sym), sym.len);
		strbuf_deinit(&sym);
		return;
	}
	if (c->size[0] == 'l' || c->size[0] == 'w') {
		put_wide_text(out, s, text, len);
		return;
	}
	len = (uint32_t)strnlen(text, len);
	if (s->conv == 'S') {
		put_escaped_text(out, s, text, len);
		return;
	}
	put_text(out, s, text, s->prec && s->prec < len ? s->prec : len);
}

/* --- addresses and stacks --- */

void dl_put_symbol(struct strbuf *out, const struct dl_format_env *env, uint32_t pid, uint64_t addr,
		   enum dl_symkind kind)
{
	if (env->symbolize)
		env->symbolize(env->ctx, pid, addr, kind, out);
	else
		strbuf_printf(out, "0x%llx", (unsigned long long)addr);
}

static void put_address(struct strbuf *out, const struct dl_format_env *env, const struct spec *s,
			const struct dl_value *v)
{
	struct strbuf text = { 0 };

	if (v->desc->kind == DL_VK_SYM)
		dl_put_symbol(&text, env, (uint32_t)dl_value_word(v, 0), dl_value_word(v, 1),
			      v->desc->symkind);
	else
		dl_put_symbol(&text, env, env->pid, (uint64_t)dl_value_int(v), DL_SYM_UADDR);
	put_text(out, s, strbuf_text(&text), text.len);
	strbuf_deinit(&text);
}

static void put_frame_line(struct strbuf *out, const char *text, size_t len, unsigned indent,
			   unsigned width)
{
	strbuf_fill(out, ' ', indent);
	if (width > len)
		strbuf_fill(out, ' ', width - len);
	strbuf_add(out, text, len);
	strbuf_putc(out, '\n');
}

void dl_put_stack(struct strbuf *out, const struct dl_format_env *env, const struct dl_value *v,
		  unsigned indent, unsigned width)
{
	struct strbuf text = { 0 };
	uint32_t pid = (uint32_t)dl_value_word(v, 0);

	strbuf_putc(out, '\n');
	for (uint32_t i = 2; v->desc->kind == DL_VK_USTACK && i < v->len / 8; i++) {
		uint64_t word = dl_value_word(v, i), pc = word & ~DL_FRAME_GUESS;

		if (!pc)
			break;
		strbuf_reset(&text);
		if (env->frame)
			env->frame(env->ctx, pid, pc, i - 2, &text);
		else
			dl_put_symbol(&text, env, pid, pc, DL_SYM_UADDR);
		if (word != pc)
			strbuf_puts(&text, " (guess)");
		for (const char *line = strbuf_text(&text);;) {
			size_t len = strcspn(line, "\n");

			put_frame_line(out, line, len, indent, width);
			if (!line[len])
				break;
			line += len + 1;
		}
	}
	strbuf_deinit(&text);
}

/* "%-Nk" indents by N; without '-' the width applies to each line's text. */
static void put_stack_conv(struct strbuf *out, const struct dl_format_env *env,
			   const struct spec *s, const struct dl_value *v)
{
	if (s->flags & DL_CF_LEFT)
		dl_put_stack(out, env, v, s->width, 0);
	else
		dl_put_stack(out, env, v, 0, s->width);
}

/* --- floating point, times, names --- */

static void put_float(struct strbuf *out, const struct spec *s, const struct dl_value *v)
{
	uint32_t len;
	const char *bytes = dl_value_bytes(v, &len);
	long double value = 0;
	float f;
	double d;

	if (len == sizeof(f)) {
		memcpy(&f, bytes, sizeof(f));
		value = f;
	} else if (len == sizeof(d)) {
		memcpy(&d, bytes, sizeof(d));
		value = d;
	} else if (len == sizeof(value)) {
		memcpy(&value, bytes, sizeof(value));
	} else {
		value = dl_value_int(v);
	}

	char fmt[16], *p = fmt;

	*p++ = '%';
	for (unsigned i = 0; i < 6; i++) /* in the order of the flag bits */
		if (s->flags & (1u << i))
			*p++ = "#0-+ '"[i];
	p = stpcpy(p, "*.*L");
	*p++ = s->conv;
	*p = '\0';
	strbuf_printf(out, fmt, (int)s->width, s->prec ? (int)s->prec : -1, value);
}

static void put_time(struct strbuf *out, const struct spec *s, const struct dl_value *v,
		     const char *fmt)
{
	int64_t ns = dl_value_int(v);
	time_t t = (time_t)(ns / 1000000000);
	struct tm tm;
	char buf[128];
	size_t n = 0;

	if (localtime_r(&t, &tm))
		n = strftime(buf, sizeof(buf), fmt, &tm);
	put_text(out, s, buf, n);
}

static void put_port(struct strbuf *out, const struct spec *s, const struct dl_value *v)
{
	uint16_t port = (uint16_t)dl_value_int(v);
	struct servent *serv = getservbyport(htons(port), NULL);
	char buf[16];

	if (serv) {
		put_text(out, s, serv->s_name, strlen(serv->s_name));
	} else {
		int n = snprintf(buf, sizeof(buf), "%u", port);

		put_text(out, s, buf, (size_t)n);
	}
}

static void put_host(struct strbuf *out, const struct spec *s, const struct dl_value *v)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char text[INET6_ADDRSTRLEN + 1] = "", name[NI_MAXHOST];
	uint32_t len;
	const char *bytes = dl_value_bytes(v, &len);

	len = (uint32_t)strnlen(bytes, len);
	if (len < sizeof(text)) {
		memcpy(text, bytes, len);
		if (len && getaddrinfo(text, NULL, &hints, &found) == 0 && found &&
		    getnameinfo(found->ai_addr, found->ai_addrlen, name, sizeof(name), NULL, 0,
				NI_NAMEREQD) == 0) {
			put_text(out, s, name, strlen(name));
			freeaddrinfo(found);
			return;
		}
		if (found)
			freeaddrinfo(found);
	}
	put_text(out, s, bytes, len);
}

/* --- aggregations --- */

int64_t dl_agg_cell_value(const struct dl_agg_cell *cell)
{
	if (!cell->entry || !cell->entry->hits)
		return 0;
	return dl_agg_value(cell->desc, cell->entry, cell->factor);
}

void dl_agg_cell_histogram(struct strbuf *out, const struct dl_agg_cell *cell,
			   const struct dl_bar_style *style)
{
	dl_histogram_print(out, cell->desc, cell->entry ? cell->entry->values : NULL,
			   cell->entry ? cell->entry->n_values : 0, cell->factor, style);
}

/* %@: the next aggregation in argument order; the last one repeats. */
static void put_agg(struct strbuf *out, const struct dl_format_env *env, const struct spec *s,
		    struct args *a)
{
	if (!env->n_aggs) {
		a->missing = true;
		return;
	}

	const struct dl_agg_cell *cell = &env->aggs[a->agg];

	if (a->agg + 1 < env->n_aggs)
		a->agg++;
	if (dl_agg_is_histogram(cell->desc))
		dl_agg_cell_histogram(out, cell, &env->style);
	else
		put_integer(out, s, dl_agg_cell_value(cell), 8, cell->desc->func != DL_AGG_COUNT);
}

/* --- the walk --- */

static const struct dl_value *next_value(struct args *a)
{
	if (a->next < a->end)
		return a->next++;
	a->missing = true;
	return NULL;
}

static uint32_t bounded(uint64_t n)
{
	return n > WIDTH_MAX ? WIDTH_MAX : (uint32_t)n;
}

static void resolve_spec(struct spec *s, const struct dl_conv *c, struct args *a,
			 const struct dl_format_env *env)
{
	const struct dl_value *v;

	*s = (struct spec){ .flags = c->flags,
			    .width = bounded(c->width < 0 ? 0 : (uint64_t)c->width),
			    .prec = bounded(c->prec < 0 ? 0 : (uint64_t)c->prec),
			    .conv = c->conv,
			    .thousands = env->thousands };
	if (c->flags & DL_CF_PTRWIDTH)
		s->width = 16;
	if ((c->flags & DL_CF_DYNWIDTH) && (v = next_value(a))) {
		int64_t w = dl_value_int(v);

		if (w < 0)
			s->flags |= DL_CF_LEFT;
		s->width = bounded(w < 0 ? 0 - (uint64_t)w : (uint64_t)w);
	}
	if ((c->flags & DL_CF_DYNPREC) && (v = next_value(a))) {
		int64_t p = dl_value_int(v);

		s->prec = bounded(p < 0 ? 0 : (uint64_t)p);
	}
}

static void put_conv(struct strbuf *out, const struct dl_format_env *env, const struct dl_conv *c,
		     const struct spec *s, const struct dl_value *v)
{
	switch (s->conv) {
	case 'd':
	case 'i':
	case 'o':
	case 'u':
	case 'x':
	case 'X':
	case 'p':
		put_integer(out, s, dl_value_int(v), v->desc->kind == DL_VK_INT ? v->desc->size : 8,
			    v->desc->is_signed);
		break;
	case 'c': put_char(out, s, c, v); break;
	case 'C': {
		char ch = (char)dl_value_int(v);

		put_escaped_text(out, s, &ch, 1);
		break;
	}
	case 's':
	case 'S': put_string(out, env, s, c, v); break;
	case 'a':
	case 'A': put_address(out, env, s, v); break;
	case 'e':
	case 'E':
	case 'f':
	case 'g':
	case 'G': put_float(out, s, v); break;
	case 'k': put_stack_conv(out, env, s, v); break;
	case 'P': put_port(out, s, v); break;
	case 'I': put_host(out, s, v); break;
	case 'T': put_time(out, s, v, "%a, %d %b %G %T %Z"); break;
	case 'Y': put_time(out, s, v, "%Y %b %e %T"); break;
	}
}

bool dl_format_exec(struct strbuf *out, const struct dl_format *f, const struct dl_value *values,
		    uint32_t n, const struct dl_format_env *env)
{
	struct args a = { .next = values, .end = n ? values + n : values };

	for (uint32_t i = 0; i < f->n; i++) {
		const struct dl_conv *c = &f->convs[i];
		struct spec s;

		strbuf_add(out, c->text, c->text_len);
		if (!c->conv)
			continue;
		if (c->conv == 'd' && !c->flags && !c->width && !c->prec) {
			const struct dl_value *v = next_value(&a);

			if (v)
				dl_put_int(out, dl_value_int(v), v->desc->is_signed);
			continue;
		}
		resolve_spec(&s, c, &a, env);
		if (c->flags & DL_CF_AGG) {
			put_agg(out, env, &s, &a);
			continue;
		}

		const struct dl_value *v = next_value(&a);

		if (v)
			put_conv(out, env, c, &s, v);
	}
	return !a.missing;
}

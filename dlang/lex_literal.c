/*
 * Literals and macro variables in clause mode.  See lex.h.
 */
#include "lex.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

/* --- integers --- */

struct suffix {
	bool is_unsigned;
	unsigned longs;
};

/* [uU]?[lL]?[lL]? */
static const char *read_suffix(const char *p, struct suffix *s)
{
	*s = (struct suffix){ 0 };
	if (*p == 'u' || *p == 'U') {
		s->is_unsigned = true;
		p++;
	}
	while (s->longs < 2 && (*p == 'l' || *p == 'L')) {
		s->longs++;
		p++;
	}
	return p;
}

/*
 * The first type that holds v, in C99's order.  Decimal constants without a u
 * are never unsigned; DL_T_VOID: none fits.
 */
static enum dl_basic fit_type(uint64_t v, bool is_decimal, struct suffix s)
{
	static const struct {
		enum dl_basic type;
		bool is_unsigned;
		unsigned longs;
		uint64_t max;
	} order[] = {
		{ DL_T_INT, false, 0, INT32_MAX },   { DL_T_UINT, true, 0, UINT32_MAX },
		{ DL_T_LONG, false, 1, INT64_MAX },  { DL_T_ULONG, true, 1, UINT64_MAX },
		{ DL_T_LLONG, false, 2, INT64_MAX }, { DL_T_ULLONG, true, 2, UINT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (order[i].longs < s.longs || v > order[i].max)
			continue;
		if (s.is_unsigned && !order[i].is_unsigned)
			continue;
		if (is_decimal && !s.is_unsigned && order[i].is_unsigned)
			continue;
		return order[i].type;
	}
	return DL_T_VOID;
}

static void set_int(struct dl_lexer *lx, struct dl_token *t, const char *start, const char *end,
		    uint64_t value, bool is_decimal, struct suffix s)
{
	t->kind = TOK_INT;
	t->value = value;
	t->text = arena_intern(lx->ctx->arena, start, (size_t)(end - start));
	t->len = (uint32_t)(end - start);
	t->basic = fit_type(value, is_decimal, s);
	if (t->basic == DL_T_VOID)
		dl_lex_error(lx, t, end, D_INT_OFLOW,
			     "integer constant 0x%" PRIx64
			     " cannot be represented in any built-in integral type",
			     value);
}

static bool is_float(const char *p)
{
	while (isdigit((unsigned char)*p))
		p++;
	if (*p == '.' && p[1] != '.')
		return true;
	if (*p != 'e' && *p != 'E')
		return false;
	p++;
	if (*p == '+' || *p == '-')
		p++;
	return isdigit((unsigned char)*p);
}

static const char *read_float(struct dl_lexer *lx, const char *p, struct dl_token *t)
{
	const struct dl_options *o = lx->ctx->config.options;
	char *end;

	t->kind = TOK_FLOAT;
	t->fvalue = strtod(p, &end);
	if (*end == 'f' || *end == 'F' || *end == 'l' || *end == 'L')
		end++;
	t->text = arena_intern(lx->ctx->arena, p, (size_t)(end - p));
	t->len = (uint32_t)(end - p);
	if (dl_option(o, DL_OPT_STRICT) == 1 || dl_option(o, DL_OPT_ERRTAGS) == 1)
		dl_lex_error(lx, t, end, D_SYNTAX, "floating-point constants are not permitted");
	return end;
}

const char *dl_lex_number(struct dl_lexer *lx, const char *p, struct dl_token *t)
{
	const char *start = p;
	unsigned base = 10;
	uint64_t value = 0;
	bool overflow = false;
	struct suffix s;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && isxdigit((unsigned char)p[2])) {
		base = 16;
		p += 2;
	} else if (is_float(p)) {
		return read_float(lx, p, t);
	} else if (p[0] == '0') {
		base = 8;
	}
	for (; base == 16 ? isxdigit((unsigned char)*p) : isdigit((unsigned char)*p); p++) {
		unsigned digit = isdigit((unsigned char)*p) ?
					 (unsigned)(*p - '0') :
					 (unsigned)(tolower((unsigned char)*p) - 'a') + 10;

		if (digit >= base) {
			const char *end = p;

			while (isdigit((unsigned char)*end))
				end++;
			dl_lex_error(lx, t, end, D_INT_DIGIT,
				     "constant %.*s contains invalid digit %c", (int)(end - start),
				     start, *p);
			return end;
		}
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			overflow = true;
	}
	const char *end = read_suffix(p, &s);

	if (overflow)
		dl_lex_error(lx, t, end, D_INT_OFLOW, "constant %.*s results in integer overflow",
			     end - start > 80 ? 80 : (int)(end - start), start);
	else
		set_int(lx, t, start, end, value, base == 10, s);
	return end;
}

/* --- strings and characters --- */

static unsigned hex_digit(char c)
{
	return isdigit((unsigned char)c) ? (unsigned)(c - '0') :
					   (unsigned)(tolower((unsigned char)c) - 'a') + 10;
}

/* One escape at p (behind its backslash) into *out; returns how many bytes it makes. */
static const char *unescape_one(const char *p, const char *end, char **out)
{
	static const char from[] = "abfnrtv\"\\'?", to[] = "\a\b\f\n\r\t\v\"\\'?";
	const char *simple = *p ? strchr(from, *p) : NULL;
	unsigned value = 0;

	if (simple) {
		*(*out)++ = to[simple - from];
		return p + 1;
	}
	if (*p >= '0' && *p <= '7') {
		for (int i = 0; i < 3 && p < end && *p >= '0' && *p <= '7'; i++)
			value = value * 8 + (unsigned)(*p++ - '0');
		*(*out)++ = (char)value;
		return p;
	}
	if (*p == 'x' && p + 1 < end && isxdigit((unsigned char)p[1])) {
		for (p++; p < end && isxdigit((unsigned char)*p); p++)
			value = (value << 4 | hex_digit(*p)) & 0xff;
		*(*out)++ = (char)value;
		return p;
	}
	*(*out)++ = '\\';
	*(*out)++ = *p;
	return p + 1;
}

char *dl_unescape(struct arena *a, const char *s, size_t n, uint32_t *len_ret)
{
	char *buf = arena_alloc(a, n + 1), *out = buf;
	const char *end = s + n;

	while (s < end) {
		if (*s != '\\' || s + 1 == end)
			*out++ = *s++;
		else
			s = unescape_one(s + 1, end, &out);
	}
	*out = '\0';
	*len_ret = (uint32_t)(out - buf);
	return buf;
}

/* Finds the closing quote; NULL after reporting. */
static const char *find_quote(struct dl_lexer *lx, const char *p, struct dl_token *t,
			      enum dl_tag tag, const char *what)
{
	char quote = *p;

	for (p++; p < lx->end && *p != '\n'; p++) {
		if (*p == quote)
			return p;
		if (*p == '\\' && p[1] && p[1] != '\n')
			p++;
	}
	if (p < lx->end)
		dl_lex_error(lx, t, p, tag, "newline encountered in %s", what);
	else
		dl_lex_error(lx, t, p, D_SYNTAX, "end-of-file encountered before matching %c",
			     quote);
	return NULL;
}

static const char *stop_at_line_end(const struct dl_lexer *lx, const char *p)
{
	while (p < lx->end && *p != '\n')
		p++;
	return p;
}

const char *dl_lex_string(struct dl_lexer *lx, const char *p, struct dl_token *t)
{
	const char *close = find_quote(lx, p, t, D_STR_NL, "string literal");

	if (!close)
		return stop_at_line_end(lx, p);
	t->kind = TOK_STR;
	t->text = dl_unescape(lx->ctx->arena, p + 1, (size_t)(close - p) - 1, &t->len);
	return close + 1;
}

const char *dl_lex_char(struct dl_lexer *lx, const char *p, struct dl_token *t)
{
	const char *close = find_quote(lx, p, t, D_CHR_NL, "character constant");
	uint64_t value = 0;
	uint32_t len;

	if (!close)
		return stop_at_line_end(lx, p);
	const char *bytes = dl_unescape(lx->ctx->arena, p + 1, (size_t)(close - p) - 1, &len);

	if (len == 0) {
		dl_lex_error(lx, t, close + 1, D_CHR_NULL, "empty character constant");
		return close + 1;
	}
	if (len > 8) {
		dl_lex_error(lx, t, close + 1, D_CHR_OFLOW, "character constant is too long");
		return close + 1;
	}
	for (uint32_t i = 0; i < len; i++)
		value = value << 8 | (unsigned char)bytes[i];
	set_int(lx, t, p, close + 1, value, value <= INT64_MAX, (struct suffix){ 0 });
	return close + 1;
}

/* --- macro variables --- */

/* Operand text as a literal: an integer, a name, or else a string. */
static void arg_token(struct dl_lexer *lx, struct dl_token *t, const char *end, const char *text)
{
	const char *digits = text + (*text == '+' || *text == '-');
	size_t n = strlen(text);

	if (isdigit((unsigned char)*digits)) {
		char *stop;

		errno = 0;
		uint64_t value = strtoull(digits, &stop, 0);

		if (!*stop && errno == ERANGE) {
			dl_lex_error(lx, t, end, D_MACRO_OFLOW,
				     "macro argument %s results in integer overflow", text);
			return;
		}
		if (!*stop) {
			t->is_negative = *text == '-';
			set_int(lx, t, digits, stop, value, *digits != '0' && value <= INT64_MAX,
				(struct suffix){ 0 });
			return;
		}
	}
	size_t words = 0;

	while (words < n && dl_is_word(text[words]))
		words++;
	if (n && words == n) {
		t->kind = TOK_IDENT;
		t->text = arena_intern(lx->ctx->arena, text, n);
		t->len = (uint32_t)n;
		return;
	}
	if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
		text++;
		n -= 2;
	}
	t->kind = TOK_STR;
	t->text = dl_unescape(lx->ctx->arena, text, n, &t->len);
}

/* $N and $$N; p is at the digits. */
static const char *operand(struct dl_lexer *lx, const char *p, struct dl_token *t, bool as_string)
{
	const char *start = p;
	uint64_t n = 0;

	for (; isdigit((unsigned char)*p); p++)
		n = n <= UINT32_MAX ? n * 10 + (uint64_t)(*p - '0') : n;
	const char *text = dl_macro_arg(lx->ctx, n);

	if (!text && dl_option(lx->ctx->config.options, DL_OPT_DEFAULTARGS) == 1)
		text = as_string ? "" : "0";
	if (!text) {
		dl_lex_error(lx, t, p, D_MACRO_UNDEF, "macro argument %s%.*s is not defined",
			     as_string ? "$$" : "$", (int)(p - start), start);
	} else if (as_string) {
		t->kind = TOK_STR;
		t->text = dl_unescape(lx->ctx->arena, text, strlen(text), &t->len);
	} else {
		arg_token(lx, t, p, text);
	}
	return p;
}

const char *dl_lex_macro(struct dl_lexer *lx, const char *p, struct dl_token *t)
{
	bool as_string = p[1] == '$';
	const char *name = p + 1 + as_string, *end = name;
	int64_t value;

	if (isdigit((unsigned char)*name))
		return operand(lx, name, t, as_string);
	while (isalnum((unsigned char)*end) || *end == '_')
		end++;
	if (end == name) {
		t->kind = TOK_OTHER;
		t->text = "$";
		t->len = 1;
		return name;
	}
	if (!dl_macro_value(lx->ctx, name, (size_t)(end - name), &value)) {
		struct dl_diag *d =
			dl_lex_error(lx, t, end, D_MACRO_UNDEF,
				     "macro variable %.*s is not defined", (int)(end - p), p);
		const char *near =
			dl_macro_suggest(arena_strndup(lx->ctx->arena, name, (size_t)(end - name)));

		if (near)
			dl_hint(lx->ctx, d, "did you mean $%s%s?", as_string ? "$" : "", near);
		return end;
	}
	t->is_target = end - name == 6 && !memcmp(name, "target", 6);
	if (as_string) {
		t->kind = TOK_STR;
		t->text = arena_printf(lx->ctx->arena, "%" PRId64, value);
		t->len = (uint32_t)strlen(t->text);
		return end;
	}
	t->is_negative = value < 0;
	set_int(lx, t, p, end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, true,
		(struct suffix){ 0 });
	return end;
}

/*
 * The scanner: blanks, comments, control lines, words and punctuation.
 * Literals and macro variables are in lex_literal.c.  See lex.h.
 *
 * Every function looks at text between p and end; the text ends with a NUL, so
 * one character of look-ahead needs no check.
 */
#include "lex.h"

#include <ctype.h>
#include <string.h>

#include "parse.h"

/* How far a module name with dots is looked for before a backquote. */
#define MODULE_NAME_MAX 256

static const struct keyword {
	const char *text;
	unsigned flags;
} keywords[] = {
#define KEYWORD(id, text, flags) { text, flags },
	DL_KEYWORDS(KEYWORD)
#undef KEYWORD
};

unsigned dl_keyword_flags(enum dl_tok tok)
{
	return tok > TOK_KEYWORDS && tok < TOK_COUNT ? keywords[tok - TOK_KEYWORDS - 1].flags : 0;
}

/* Words of D that are plain names in C text. */
static bool is_plain_in_c(enum dl_tok tok)
{
	switch (tok) {
	case KW_COUNTER:
	case KW_IMPORT:
	case KW_OFFSETOF:
	case KW_PROBE:
	case KW_PROVIDER:
	case KW_SELF:
	case KW_STRING:
	case KW_STRINGOF:
	case KW_THIS:
	case KW_TRANSLATOR:
	case KW_USERLAND:
	case KW_XLATE: return true;
	default: return false;
	}
}

static enum dl_tok find_keyword(const struct dl_lexer *lx, const char *s, size_t n)
{
	if (n < 2 || n > 10 || !islower((unsigned char)*s))
		return TOK_IDENT;
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
		enum dl_tok tok = (enum dl_tok)(TOK_KEYWORDS + 1 + i);

		if (keywords[i].text[0] == *s && strlen(keywords[i].text) == n &&
		    !memcmp(keywords[i].text, s, n))
			return lx->in_include && is_plain_in_c(tok) ? TOK_IDENT : tok;
	}
	return TOK_IDENT;
}

bool dl_is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '`';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

void dl_lex_init(struct dl_lexer *lx, struct dl_ctx *c, const struct dl_source *source)
{
	*lx = (struct dl_lexer){
		.ctx = c,
		.source = source,
		.text = source->text,
		.p = source->text,
		.end = source->text + strlen(source->text),
		.line = 1,
		.mode = LEX_OUTER,
		.file = source->kind == DL_SRC_LIBRARY ? source->name : NULL,
		.at_line_start = true,
	};
	if (!strncmp(lx->p, "\xef\xbb\xbf", 3)) /* what some editors begin UTF-8 with */
		lx->p += 3;
}

static struct dl_range range_at(const struct dl_lexer *lx, const char *p, const char *end)
{
	return (struct dl_range){
		.file = lx->file,
		.line = lx->line,
		.offset = (unsigned)(p - lx->text),
		.len = (unsigned)(end - p),
		.region = lx->region,
		.source = lx->source,
	};
}

struct dl_diag *dl_lex_error(struct dl_lexer *lx, struct dl_token *t, const char *end,
			     enum dl_tag tag, const char *fmt, ...)
{
	va_list ap;

	t->kind = TOK_BAD;
	t->range.len = (unsigned)(end - (lx->text + t->range.offset));
	va_start(ap, fmt);
	const char *text = arena_vprintf(lx->ctx->arena, fmt, ap);
	va_end(ap);
	return dl_error(lx->ctx, tag, t->range, "%s", text);
}

/* --- what lies between tokens --- */

static const char *line_end(const struct dl_lexer *lx, const char *p)
{
	const char *nl = memchr(p, '\n', (size_t)(lx->end - p));

	return nl ? nl : lx->end;
}

/* p is at a # that is the first thing of its line. */
static void control_line(struct dl_lexer *lx)
{
	const char *p = lx->p, *nl = line_end(lx, p);
	size_t len = (size_t)(nl - p);

	lx->p = nl;
	if (p[1] == '!') /* #!/usr/sbin/dtrace -s */
		return;
	while (len > 1 && isspace((unsigned char)p[len - 1]))
		len--;
	if (lx->control)
		lx->control(lx->control_arg, p + 1, len - 1, range_at(lx, p, p + len));
}

/* At a slash and a star; false after reporting an error. */
static bool comment(struct dl_lexer *lx)
{
	struct dl_token at = { .range = range_at(lx, lx->p, lx->p + 2) };
	const char *p = lx->p + 2;

	for (; p < lx->end; p++) {
		if (*p == '*' && p[1] == '/') {
			lx->p = p + 2;
			return true;
		}
		if (*p == '/' && p[1] == '*') {
			lx->p = p;
			at.range = range_at(lx, p, p + 2);
			dl_lex_error(lx, &at, p + 2, D_SYNTAX, "/* encountered inside a comment");
			lx->p = p + 2;
			return false;
		}
		if (*p == '\n')
			lx->line++;
	}
	lx->p = lx->end;
	dl_lex_error(lx, &at, lx->text + at.range.offset + 2, D_SYNTAX,
		     "end-of-file encountered before matching */");
	return false;
}

/* Skips to the next token; false after reporting an error. */
static bool skip_blanks(struct dl_lexer *lx)
{
	for (;;) {
		char c = *lx->p;

		if (c == '\n') {
			lx->line++;
			lx->p++;
			lx->at_line_start = true;
		} else if (is_blank(c)) {
			lx->p++;
		} else if (c == '\\' && lx->mode == LEX_CLAUSE &&
			   (lx->p[1] == '\n' || (lx->p[1] == '\r' && lx->p[2] == '\n'))) {
			lx->p += lx->p[1] == '\n' ? 2 : 3;
			lx->line++;
		} else if (c == '/' && lx->p[1] == '*') {
			if (!comment(lx))
				return false;
		} else if (c == '#' && lx->at_line_start) {
			control_line(lx);
		} else {
			return true;
		}
	}
}

const char *dl_lex_peek(const struct dl_lexer *lx, const char *p)
{
	for (; p < lx->end; p++) {
		if (*p == '/' && p[1] == '*') {
			const char *close = strstr(p + 2, "*/");

			if (!close)
				return lx->end;
			p = close + 1;
		} else if (*p != '\n' && !is_blank(*p)) {
			return p;
		}
	}
	return p;
}

/* --- words --- */

static void set_text(struct dl_lexer *lx, struct dl_token *t, const char *p, const char *end)
{
	if (memchr(p, '`', (size_t)(end - p)) && !lx->ctx->loading_library)
		lx->ctx->wants_target = true;
	t->text = arena_intern(lx->ctx->arena, p, (size_t)(end - p));
	t->len = (uint32_t)(end - p);
}

/* "libc.so.6`environ": the end of the module name at p, or NULL if there is none. */
static const char *module_name(const struct dl_lexer *lx, const char *p)
{
	const char *start = p;

	while (p < lx->end && p - start < MODULE_NAME_MAX &&
	       (isalnum((unsigned char)*p) || *p == '_' || *p == '.'))
		p++;
	return *p == '`' && p > start && p[-1] != '.' ? p : NULL;
}

static const char *word(struct dl_lexer *lx, const char *p, struct dl_token *t)
{
	const char *start = p;

	while (dl_is_word(*p))
		p++;
	if (*p == '.' && !memchr(start, '`', (size_t)(p - start))) {
		const char *mark = module_name(lx, start);

		if (mark)
			for (p = mark; dl_is_word(*p);)
				p++;
	}
	set_text(lx, t, start, p);
	t->kind = find_keyword(lx, start, (size_t)(p - start));
	return p;
}

static const char *aggregation(struct dl_lexer *lx, const char *p, struct dl_token *t)
{
	const char *start = ++p;

	t->kind = TOK_AGG;
	if (!isalpha((unsigned char)*p) && *p != '_') {
		set_text(lx, t, "_", &"_"[1]);
		return p;
	}
	while (isalnum((unsigned char)*p) || *p == '_')
		p++;
	set_text(lx, t, start, p);
	return p;
}

/* --- probe descriptions: the classic characters, + for libstdc++, UTF-8 --- */

static bool starts_pdesc(char c)
{
	return isalpha((unsigned char)c) || (c && strchr("-$:_.?*[]!\\", c)) ||
	       (unsigned char)c >= 0x80;
}

static bool in_pdesc(char c)
{
	return starts_pdesc(c) || isdigit((unsigned char)c) || c == '`' || c == '+';
}

/*
 * Could the text be a type?  Only without a colon and, so that more
 * descriptions need no pspec, without - . ? ! ` and not a dtrace probe's name.
 * Its part before the first * must name a type.
 */
static size_t type_prefix(const struct dl_lexer *lx, const char *p, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		if (strchr(":-.?!`$[\\+", p[i]))
			return 0;
	while (len < n && p[len] != '*')
		len++;
	if (len == 0 || len > 200 || lx->source->kind == DL_SRC_STRING ||
	    dl_option(lx->ctx->config.options, DL_OPT_PSPEC) == 1)
		return 0;
	const char *name = arena_intern(lx->ctx->arena, p, len);

	if (!strcmp(name, "BEGIN") || !strcmp(name, "END") || !strcmp(name, "ERROR"))
		return 0;
	return dl_types_lookup(lx->ctx->types, name) || dl_kernel_type_known(name) ? len : 0;
}

/* Behind the bracket that closes the one at p; NULL: none does on this line. */
static const char *balanced(const char *p, char open, char close)
{
	unsigned depth = 0;

	for (; *p && !strchr("\n{};", *p); p++) {
		if (*p == open)
			depth++;
		else if (*p == close && --depth == 0)
			return p + 1;
	}
	return NULL;
}

static bool ends_in_operator(const char *start, const char *p)
{
	static const char word[] = "operator";
	const ptrdiff_t n = sizeof(word) - 1;

	return p - start > n && !memcmp(p - n, word, (size_t)n) && strchr(":*?", p[-n - 1]);
}

/* Behind "operator": its sign, or a type to which it converts, or what it allocates. */
static const char *operator_name(const char *p)
{
	/* The longer ones first; * and [] are known as parts of globs. */
	static const char *const signs[] = {
		"<<=", ">>=", "<=>", "->*", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
		"++",  "--",  "->",  "+=",  "-=", "*=", "/=", "%=", "^=", "&=", "|=", "<",
		">",   "=",   "!",   "+",   "-",  "/",	"%",  "^",  "&",  "|",	"~",  ",",
	};
	const char *q = p;

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		if (strncmp(p, signs[i], strlen(signs[i])) != 0)
			continue;
		q += strlen(signs[i]);
		return *q == ' ' && q[1] == '<' ? q + 1 : q; /* operator<< <long> */
	}
	if (*p != ' ' || !isalpha((unsigned char)p[1]))
		return NULL;
	for (; *q && *q != '\n'; q++) {
		if (*q == ':' && q[1] == ':')
			q++;
		else if (*q == ':')
			return q;
		else if (!isalnum((unsigned char)*q) && !strchr("_ *&<>,()[]", *q))
			return NULL;
	}
	return *q ? NULL : q;
}

/* "{lambda(int)#1}", "{{closure}}", "{closure#0}": not the body of a clause. */
static const char *unnamed_thing(const char *p)
{
	static const char *const words[] = { "lambda(",	 "closure", "unnamed ",	  "default arg#",
					     "constant", "shim:",   "vtable.shim" };
	const char *word = p + strspn(p, "{"), *q = p;
	unsigned depth = 0;
	bool is_one = false;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		is_one |= !strncmp(word, words[i], strlen(words[i]));
	for (; is_one && *q && !strchr("\n;", *q); q++) {
		depth += *q == '{';
		if (*q == '}' && --depth == 0)
			return q + 1;
	}
	return NULL;
}

/* Behind a parameter list: " const", " const &", " &&". */
static const char *qualifiers(const char *p)
{
	const char *q = p + strspn(p, " &");

	while (!strncmp(q, "const", 5) || !strncmp(q, "volatile", 8)) {
		q += *q == 'c' ? 5 : 8;
		q += strspn(q, " &");
	}
	return q > p && (*q == ':' || !*q) ? q : NULL;
}

/*
 * What only names of C++ and Rust have, in a description with fields:
 * "ns::f(int, char)", "f<int>", "C::~C", "C::get() const", "C::operator bool".
 */
static const char *source_name(const char *start, const char *p)
{
	if (!memchr(start, ':', (size_t)(p - start)))
		return NULL;
	if (ends_in_operator(start, p) && operator_name(p))
		return operator_name(p);
	if (*p == '(')
		return balanced(p, '(', ')');
	if (*p == '<')
		return balanced(p, '<', '>');
	if (*p == '{' && p - start > 1 && p[-1] == ':' && p[-2] == ':')
		return unnamed_thing(p);
	if (*p == '~' && p[-1] == ':')
		return p + 1;
	return p[-1] == ')' ? qualifiers(p) : NULL;
}

static const char *pdesc(struct dl_lexer *lx, const char *p, struct dl_token *t)
{
	const char *start = p, *next;

	while ((next = in_pdesc(*p) && !ends_in_operator(start, p) ? p + 1 :
								     source_name(start, p)) ||
	       (next = in_pdesc(*p) ? p + 1 : NULL))
		p = next;
	size_t n = (size_t)(p - start);
	enum dl_tok kw = find_keyword(lx, start, n);

	if (kw != TOK_IDENT && (dl_keyword_flags(kw) & KW_O)) {
		set_text(lx, t, start, p);
		t->kind = kw;
		lx->mode = LEX_CLAUSE;
		return p;
	}
	size_t type = type_prefix(lx, start, n);

	if (type) {
		set_text(lx, t, start, start + type);
		t->kind = find_keyword(lx, start, type);
		lx->mode = LEX_CLAUSE;
		return start + type;
	}
	t->kind = TOK_PDESC;
	t->text = arena_strndup(lx->ctx->arena, start, n);
	t->len = (uint32_t)n;
	return p;
}

/* A lone run of digits is a probe ID. */
static const char *probe_id(struct dl_lexer *lx, const char *p, struct dl_token *t)
{
	const char *start = p;

	t->kind = TOK_INT;
	t->value = 0;
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(t->value, 10u, &t->value) ||
		    __builtin_add_overflow(t->value, (uint64_t)(*p - '0'), &t->value))
			t->value = UINT64_MAX / 10;
	set_text(lx, t, start, p);
	return p;
}

/* --- punctuation --- */

/* Longest first among those with the same start. */
static const struct punct {
	const char *text;
	enum dl_tok kind;
} puncts[] = {
	{ "...", TOK_ELLIPSIS }, { "<<=", TOK_SHL_A }, { ">>=", TOK_SHR_A }, { "->", TOK_ARROW },
	{ "++", TOK_INC },	 { "--", TOK_DEC },    { "<<", TOK_SHL },    { ">>", TOK_SHR },
	{ "<=", TOK_LE },	 { ">=", TOK_GE },     { "==", TOK_EQ },     { "!=", TOK_NE },
	{ "&&", TOK_LAND },	 { "||", TOK_LOR },    { "^^", TOK_LXOR },   { "+=", TOK_ADD_A },
	{ "-=", TOK_SUB_A },	 { "*=", TOK_MUL_A },  { "/=", TOK_DIV_A },  { "%=", TOK_MOD_A },
	{ "&=", TOK_AND_A },	 { "^=", TOK_XOR_A },  { "|=", TOK_OR_A },   { "(", TOK_LPAR },
	{ ")", TOK_RPAR },	 { "[", TOK_LBRACK },  { "]", TOK_RBRACK },  { "{", TOK_LBRACE },
	{ "}", TOK_RBRACE },	 { ";", TOK_SEMI },    { ",", TOK_COMMA },   { ":", TOK_COLON },
	{ "?", TOK_QUEST },	 { ".", TOK_DOT },     { "+", TOK_PLUS },    { "-", TOK_MINUS },
	{ "*", TOK_STAR },	 { "/", TOK_SLASH },   { "%", TOK_PERCENT }, { "!", TOK_NOT },
	{ "~", TOK_TILDE },	 { "&", TOK_AMP },     { "|", TOK_BAR },     { "^", TOK_CARET },
	{ "<", TOK_LT },	 { ">", TOK_GT },      { "=", TOK_ASSIGN },
};

/* In a clause, / before ; { / or the end of text ends the predicate. */
static bool ends_predicate(const struct dl_lexer *lx, const char *p)
{
	char next = *dl_lex_peek(lx, p + 1);

	return !next || next == ';' || next == '{' || next == '/';
}

static const char *punctuation(struct dl_lexer *lx, const char *p, struct dl_token *t)
{
	t->kind = TOK_OTHER;
	if (lx->mode == LEX_OUTER) {
		for (size_t i = 0; i < ARRAY_SIZE(puncts); i++)
			if (!puncts[i].text[1] && puncts[i].text[0] == *p)
				t->kind = puncts[i].kind;
		set_text(lx, t, p, p + 1);
		return p + 1;
	}
	if (*p == '/' && ends_predicate(lx, p)) {
		t->kind = TOK_EPRED;
		set_text(lx, t, p, p + 1);
		return p + 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(puncts); i++) {
		size_t n = strlen(puncts[i].text);

		if (*p == *puncts[i].text && !strncmp(p, puncts[i].text, n)) {
			t->kind = puncts[i].kind;
			set_text(lx, t, p, p + n);
			return p + n;
		}
	}
	set_text(lx, t, p, p + 1);
	return p + 1;
}

static const char *clause_token(struct dl_lexer *lx, const char *p, struct dl_token *t)
{
	if (isdigit((unsigned char)*p)) {
		const char *mark = module_name(lx, p); /* 9p`x */

		if (!mark)
			return dl_lex_number(lx, p, t);
		for (; dl_is_word(*mark); mark++)
			;
		set_text(lx, t, p, mark);
		t->kind = TOK_IDENT;
		return mark;
	}
	if (*p == '.' && isdigit((unsigned char)p[1]))
		return dl_lex_number(lx, p, t);
	if (dl_is_word(*p))
		return word(lx, p, t);
	switch (*p) {
	case '@': return aggregation(lx, p, t);
	case '"': return dl_lex_string(lx, p, t);
	case '\'': return dl_lex_char(lx, p, t);
	case '$': return dl_lex_macro(lx, p, t);
	default: return punctuation(lx, p, t);
	}
}

void dl_lex_next(struct dl_lexer *lx, struct dl_token *t)
{
	memset(t, 0, sizeof(*t));
	if (!skip_blanks(lx)) {
		t->kind = TOK_BAD;
		t->range = range_at(lx, lx->p, lx->p);
		return;
	}
	lx->at_line_start = false;
	const char *p = lx->p;

	t->range = range_at(lx, p, p);
	t->text = "";
	if (p >= lx->end) {
		t->kind = TOK_EOF;
		return;
	}
	if (lx->in_include)
		lx->mode = LEX_CLAUSE;
	if (lx->mode == LEX_CLAUSE)
		lx->p = clause_token(lx, p, t);
	else if (isdigit((unsigned char)*p))
		lx->p = probe_id(lx, p, t);
	else if (starts_pdesc(*p))
		lx->p = pdesc(lx, p, t);
	else
		lx->p = punctuation(lx, p, t);
	t->range.len = (unsigned)(lx->p - p);
}

/* --- recovery --- */

/* Behind the quoted text at p, which ends at its line's end at the latest. */
static const char *skip_quoted(const struct dl_lexer *lx, const char *p)
{
	char quote = *p++;

	for (; p < lx->end && *p != '\n'; p++) {
		if (*p == quote)
			return p + 1;
		if (*p == '\\' && p[1] && p[1] != '\n')
			p++;
	}
	return p;
}

static void skip_comment(struct dl_lexer *lx)
{
	lx->p += 2;
	while (lx->p < lx->end && !(lx->p[0] == '*' && lx->p[1] == '/')) {
		if (*lx->p == '\n')
			lx->line++;
		lx->p++;
	}
	lx->p = lx->p < lx->end ? lx->p + 2 : lx->end;
}

void dl_lex_skip_item(struct dl_lexer *lx, unsigned depth)
{
	while (lx->p < lx->end) {
		char c = *lx->p;

		if (c == '\n') {
			lx->line++;
			lx->at_line_start = true;
			lx->p++;
			continue;
		}
		if (c == '#' && lx->at_line_start) {
			control_line(lx);
			continue;
		}
		if (c == '/' && lx->p[1] == '*') {
			skip_comment(lx);
			continue;
		}
		if (!is_blank(c))
			lx->at_line_start = false;
		if (c == '"' || c == '\'') {
			lx->p = skip_quoted(lx, lx->p);
			continue;
		}
		lx->p++;
		if (c == '{') {
			depth++;
		} else if (c == ';' && depth == 0) {
			return;
		} else if (c == '}' && depth-- <= 1) {
			const char *next = dl_lex_peek(lx, lx->p);

			if (*next == ';') {
				for (const char *q = lx->p; q < next; q++)
					lx->line += *q == '\n';
				lx->p = next + 1;
			}
			return;
		}
	}
}

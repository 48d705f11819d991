/*
 * The scanner: D text to tokens.
 *
 * What a character means depends on the mode.  Between clauses (OUTER) a run
 * of most characters is a probe description; inside clauses and declarations
 * (CLAUSE) the tokens are those of C.  The scanner enters CLAUSE by itself
 * when a declaration starts; the parser sets every other change of mode before
 * it asks for the next token, so there is never a token scanned ahead.
 *
 * Control lines (# at the start of a line) are handed to a callback and macro
 * variables are replaced on the way; the parser sees neither.  A lexical error
 * is reported here and yields TOK_BAD, which fits no rule of the grammar.
 */
#ifndef DL_LEX_H
#define DL_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctx.h"

/*
 * KEYWORD(id, text, flags): O = starts a declaration in OUTER mode, T = starts
 * a type name, R = reserved: no rule of the grammar has it.
 */
#define KW_O 1
#define KW_T 2
#define KW_R 4
#define DL_KEYWORDS(KEYWORD)                       \
	KEYWORD(AUTO, "auto", KW_O)                \
	KEYWORD(BREAK, "break", KW_R)              \
	KEYWORD(CASE, "case", KW_R)                \
	KEYWORD(CHAR, "char", KW_O | KW_T)         \
	KEYWORD(CONST, "const", KW_O | KW_T)       \
	KEYWORD(CONTINUE, "continue", KW_R)        \
	KEYWORD(COUNTER, "counter", KW_O | KW_R)   \
	KEYWORD(DEFAULT, "default", KW_R)          \
	KEYWORD(DO, "do", KW_R)                    \
	KEYWORD(DOUBLE, "double", KW_O | KW_T)     \
	KEYWORD(ELSE, "else", 0)                   \
	KEYWORD(ENUM, "enum", KW_O | KW_T)         \
	KEYWORD(EXTERN, "extern", KW_O)            \
	KEYWORD(FLOAT, "float", KW_O | KW_T)       \
	KEYWORD(FOR, "for", KW_R)                  \
	KEYWORD(GOTO, "goto", KW_R)                \
	KEYWORD(IF, "if", 0)                       \
	KEYWORD(IMPORT, "import", KW_O | KW_R)     \
	KEYWORD(INLINE, "inline", KW_O)            \
	KEYWORD(INT, "int", KW_O | KW_T)           \
	KEYWORD(LONG, "long", KW_O | KW_T)         \
	KEYWORD(OFFSETOF, "offsetof", 0)           \
	KEYWORD(PROBE, "probe", 0)                 \
	KEYWORD(PROVIDER, "provider", KW_O)        \
	KEYWORD(REGISTER, "register", KW_O)        \
	KEYWORD(RESTRICT, "restrict", KW_O | KW_T) \
	KEYWORD(RETURN, "return", KW_R)            \
	KEYWORD(SELF, "self", KW_O)                \
	KEYWORD(SHORT, "short", KW_O | KW_T)       \
	KEYWORD(SIGNED, "signed", KW_O | KW_T)     \
	KEYWORD(SIZEOF, "sizeof", 0)               \
	KEYWORD(STATIC, "static", KW_O)            \
	KEYWORD(STRING, "string", KW_O | KW_T)     \
	KEYWORD(STRINGOF, "stringof", 0)           \
	KEYWORD(STRUCT, "struct", KW_O | KW_T)     \
	KEYWORD(SWITCH, "switch", KW_R)            \
	KEYWORD(THIS, "this", KW_O)                \
	KEYWORD(TRANSLATOR, "translator", KW_O)    \
	KEYWORD(TYPEDEF, "typedef", KW_O)          \
	KEYWORD(UNION, "union", KW_O | KW_T)       \
	KEYWORD(UNSIGNED, "unsigned", KW_O | KW_T) \
	KEYWORD(USERLAND, "userland", KW_O | KW_T) \
	KEYWORD(VOID, "void", KW_O | KW_T)         \
	KEYWORD(VOLATILE, "volatile", KW_O | KW_T) \
	KEYWORD(WHILE, "while", KW_R)              \
	KEYWORD(XLATE, "xlate", 0)

enum dl_tok {
	TOK_BAD, /* an error was reported: nothing matches this */
	TOK_EOF,
	TOK_INT, /* value, basic; is_negative: a macro argument with a minus */
	TOK_FLOAT, /* fvalue */
	TOK_STR, /* text, len: escapes processed */
	TOK_IDENT, /* text */
	TOK_AGG, /* text, without the @ */
	TOK_PDESC, /* text as written */
	TOK_EPRED, /* the / that ends a predicate */
	/* punctuation */
	TOK_LPAR,
	TOK_RPAR,
	TOK_LBRACK,
	TOK_RBRACK,
	TOK_LBRACE,
	TOK_RBRACE,
	TOK_SEMI,
	TOK_COMMA,
	TOK_COLON,
	TOK_QUEST,
	TOK_DOT,
	TOK_ARROW,
	TOK_ELLIPSIS,
	TOK_INC,
	TOK_DEC,
	TOK_PLUS,
	TOK_MINUS,
	TOK_STAR,
	TOK_SLASH,
	TOK_PERCENT,
	TOK_NOT,
	TOK_TILDE,
	TOK_AMP,
	TOK_BAR,
	TOK_CARET,
	TOK_SHL,
	TOK_SHR,
	TOK_LT,
	TOK_LE,
	TOK_GT,
	TOK_GE,
	TOK_EQ,
	TOK_NE,
	TOK_LAND,
	TOK_LOR,
	TOK_LXOR,
	TOK_ASSIGN,
	TOK_ADD_A,
	TOK_SUB_A,
	TOK_MUL_A,
	TOK_DIV_A,
	TOK_MOD_A,
	TOK_SHL_A,
	TOK_SHR_A,
	TOK_AND_A,
	TOK_XOR_A,
	TOK_OR_A,
	TOK_OTHER, /* a character without meaning here */
	TOK_KEYWORDS,
#define KEYWORD(id, text, flags) KW_##id,
	DL_KEYWORDS(KEYWORD)
#undef KEYWORD
		TOK_COUNT
};

struct dl_token {
	enum dl_tok kind;
	struct dl_range range;
	const char *text; /* interned but for TOK_STR and TOK_PDESC */
	uint32_t len;
	uint64_t value;
	double fvalue;
	enum dl_basic basic; /* TOK_INT: its type by the C99 rule */
	bool is_negative;
	bool is_target; /* made from $target or $$target */
};

enum dl_lex_mode { LEX_OUTER, LEX_CLAUSE };

struct dl_lexer {
	struct dl_ctx *ctx;
	const struct dl_source *source;
	const char *text, *p, *end;
	const char *file; /* in force for messages, or NULL */
	unsigned line;
	enum dl_lex_mode mode;
	enum dl_region region;
	bool at_line_start; /* only blanks since the last newline */
	bool in_include; /* C text: names are C's, no probe descriptions */
	/* A control line without its # and newline; range is the whole line. */
	void (*control)(void *arg, const char *text, size_t len, struct dl_range range);
	void *control_arg;
};

void dl_lex_init(struct dl_lexer *lx, struct dl_ctx *c, const struct dl_source *source);
void dl_lex_next(struct dl_lexer *lx, struct dl_token *ret);
/*
 * Error recovery: skips to behind the next ; outside braces or the } that
 * closes all of depth open ones (a ; right after it goes too).
 */
void dl_lex_skip_item(struct dl_lexer *lx, unsigned depth);
/* First position after blanks and comments; reports nothing. */
const char *dl_lex_peek(const struct dl_lexer *lx, const char *p);
/* KW_O, KW_T, KW_R of a keyword token. */
unsigned dl_keyword_flags(enum dl_tok tok);

/* Is c a character of identifiers, backquote included? */
bool dl_is_word(char c);
/* lex_literal.c; p is at the literal's start, the return value behind it. */
const char *dl_lex_number(struct dl_lexer *lx, const char *p, struct dl_token *t);
const char *dl_lex_string(struct dl_lexer *lx, const char *p, struct dl_token *t);
const char *dl_lex_char(struct dl_lexer *lx, const char *p, struct dl_token *t);
const char *dl_lex_macro(struct dl_lexer *lx, const char *p, struct dl_token *t);
/* Reports at t's range up to end and makes t TOK_BAD. */
struct dl_diag *dl_lex_error(struct dl_lexer *lx, struct dl_token *t, const char *end,
			     enum dl_tag tag, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#endif

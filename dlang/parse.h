/*
 * Private to the parser's files (parse*.c, pragma.c, pdesc.c, lex_literal.c,
 * option.c): the parser's state and what these files share.
 *
 * Error handling: the first syntax error of an item is reported and turns the
 * current token into TOK_BAD, which no rule accepts and which advance() never
 * leaves; so every function simply returns, and parse.c skips the rest of the
 * item.  Functions that return nodes return NULL then.
 */
#ifndef DL_PARSE_H
#define DL_PARSE_H

#include "ctx.h"
#include "lex.h"

#define PARSE_DEPTH_MAX 500 /* nested parentheses, blocks, declarators */

struct dl_scope_name { /* parameter of an inline or translator being parsed */
	const char *name;
	struct dl_scope_name *next;
};

/* attributes and binding that wait for their declaration. */
struct dl_pending_pragma {
	enum { DL_PEND_ATTR, DL_PEND_PROVIDER, DL_PEND_BINDING } kind;
	const char *name;
	const char *pragma; /* "attributes" or "binding" */
	unsigned component; /* of a provider: 0 provider ... 4 args */
	struct dl_attr attr;
	uint32_t version;
	struct dl_range range;
	bool used;
	struct dl_pending_pragma *next;
};

struct dl_parser {
	struct dl_ctx *ctx;
	struct arena *arena;
	struct dl_unit *unit;
	struct dl_lexer lex;
	struct dl_token tok; /* the current token, not yet consumed */
	unsigned prev_end; /* offset behind the token before it */
	unsigned depth; /* of recursion */
	unsigned braces; /* { open in this item */
	unsigned parens, brackets; /* ( and [ open in this expression */
	const char *recover_at; /* where skipping starts after an error */
	struct dl_range recover_range;
	bool recovered; /* the item before was broken */
	struct dl_scope_name *scope;
	unsigned include_depth; /* # 1 "file" 1 ... 2: types go to the C scope */
	bool in_system; /* # 1 "file" 1 3: what D can't read there is passed over */
	struct dl_pending_pragma *pending;
	uint32_t translator_version; /* #pragma D binding "x.y" translator */
	struct dl_node *clauses_tail;
	bool types_only; /* dl_type_parse(): report nothing */
	bool in_provider; /* a provider is being declared */
};

/* --- parse.c --- */
void dl_parse_advance(struct dl_parser *p);
/* "syntax error near ..." at the current token; the item is given up. */
void dl_parse_syntax(struct dl_parser *p);
/* Any other error that gives the item up. */
struct dl_diag *dl_parse_fail(struct dl_parser *p, enum dl_tag tag, struct dl_range range,
			      const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static inline bool dl_parse_failed(const struct dl_parser *p)
{
	return p->tok.kind == TOK_BAD;
}
/* Consumes the token if it is kind. */
bool dl_parse_accept(struct dl_parser *p, enum dl_tok kind);
/* The same, else a syntax error. */
bool dl_parse_expect(struct dl_parser *p, enum dl_tok kind);
/* false after reporting that the text nests too deep; pairs with dl_parse_leave(). */
bool dl_parse_enter(struct dl_parser *p);
void dl_parse_leave(struct dl_parser *p);
/* From start to the end of the token consumed last. */
struct dl_range dl_parse_range_from(const struct dl_parser *p, struct dl_range start);
/* Consumes the ; (or }) that ends a declaration: the next token is an outer one. */
void dl_parse_end_item(struct dl_parser *p, enum dl_tok kind);
/* A name: an identifier, or any keyword (member names). */
const char *dl_parse_member_name(struct dl_parser *p);

/* --- parse_expr.c --- */
struct dl_node *dl_parse_expr(struct dl_parser *p); /* with commas */
struct dl_node *dl_parse_assign(struct dl_parser *p); /* without */
struct dl_node *dl_parse_cond(struct dl_parser *p); /* constant expressions */

/* --- parse_decl.c --- */
struct dl_param {
	const char *name; /* NULL when there is none */
	struct dl_type *type;
	struct dl_range range;
};

enum dl_storage {
	DL_CLASS_NONE,
	DL_CLASS_AUTO,
	DL_CLASS_REGISTER,
	DL_CLASS_STATIC,
	DL_CLASS_EXTERN,
	DL_CLASS_TYPEDEF,
	DL_CLASS_SELF,
	DL_CLASS_THIS
};

struct dl_specs {
	enum dl_storage storage;
	struct dl_type *type; /* never NULL unless parsing failed */
	bool has_type; /* a type specifier was written */
	bool defines_type; /* a struct, union or enum with tag or body */
	struct dl_range range;
};

/* A derivation of a declarator, from the name outward. */
struct dl_deriv {
	enum { DL_DV_PTR, DL_DV_ARRAY, DL_DV_FUNC, DL_DV_TUPLE } kind;
	unsigned quals; /* PTR: 1 const, 2 volatile, 4 restrict */
	bool has_size; /* ARRAY */
	uint64_t size;
	struct dl_param *params; /* FUNC, TUPLE */
	uint32_t n_params;
	bool is_variadic;
	struct dl_range range;
	struct dl_deriv *next;
};

struct dl_declarator {
	const char *name; /* NULL: abstract */
	struct dl_range range; /* of the name */
	struct dl_deriv *first, **tail;
};

bool dl_parse_starts_type(struct dl_parser *p);
bool dl_parse_specs(struct dl_parser *p, struct dl_specs *s);
bool dl_parse_declarator(struct dl_parser *p, struct dl_declarator *d);
/*
 * The declared type.  keys_ret, when given, takes the tuple of an associative
 * array (the first derivation); elsewhere a tuple is an error.
 */
struct dl_type *dl_parse_apply(struct dl_parser *p, const struct dl_specs *s,
			       const struct dl_declarator *d, const struct dl_deriv **keys_ret);
/* Skips one GNU word of C headers (__extension__, __attribute__((...)), ...). */
bool dl_parse_gnu_word(struct dl_parser *p);
/* A type name: specifiers and an abstract declarator. */
struct dl_type *dl_parse_type_name(struct dl_parser *p);
/* ( params ) of a prototype, the ( being consumed; up to and with close. */
bool dl_parse_params(struct dl_parser *p, enum dl_tok close, struct dl_deriv *ret);
/* The type called name as the program's scopes and the host know it, or NULL. */
struct dl_type *dl_parse_find_type(struct dl_parser *p, const char *name);
bool dl_parse_name_is_type(struct dl_parser *p, const char *name);
/* A type only the target may know, to be resolved by dl_compile(). */
struct dl_type *dl_parse_late_type(struct dl_parser *p, const char *name, struct dl_range range);
bool dl_parse_may_be_late(const struct dl_parser *p);
void dl_resolve_late_types(struct dl_ctx *c, const struct dl_source *source);

/* --- parse_sou.c: bodies of structs, unions, enums; parse_item.c: declarations --- */
struct dl_type *dl_parse_sou(struct dl_parser *p, bool *defines_ret);
struct dl_type *dl_parse_enum(struct dl_parser *p, bool *defines_ret);
void dl_parse_declaration(struct dl_parser *p);
void dl_parse_inline(struct dl_parser *p);
void dl_parse_translator(struct dl_parser *p);
void dl_parse_provider(struct dl_parser *p);

/* --- pragma.c --- */
/* dl_lexer's control callback; arg is the parser. */
void dl_control_line(void *arg, const char *text, size_t len, struct dl_range range);
/* Applies what waits for the global name (or provider) just declared. */
void dl_pragma_apply(struct dl_parser *p, const char *name);
void dl_pragma_apply_provider(struct dl_parser *p, struct dl_provider_decl *prov);
void dl_pragma_unused(struct dl_parser *p);

/* --- lib.c --- */
enum dl_lib_state { DL_LIB_UNKNOWN, DL_LIB_LOADED, DL_LIB_FAILED };
enum dl_lib_state dl_library_state(const struct dl_ctx *c, const char *name);
/* class: provider, module or library; is the dependency met? */
bool dl_dependency_met(struct dl_ctx *c, const char *class, const char *name);

/* --- pdesc.c --- */
bool dl_pdesc_parse(struct dl_ctx *c, const char *text, enum dl_level level, struct dl_range range,
		    struct dl_pdesc *ret);
bool dl_pdesc_from_id(struct dl_ctx *c, uint64_t id, enum dl_level level, struct dl_range range,
		      struct dl_pdesc *ret);
/* $name without its $: false if there is no such macro variable. */
bool dl_macro_value(const struct dl_ctx *c, const char *name, size_t len, int64_t *ret);
/* --- kernel_type.c --- */
/* Is name ("proc_t") a kernel type's? */
bool dl_kernel_type_known(const char *name);
/* The incomplete struct that "proc_t" or "genunix`proc_t" is; NULL: no kernel type. */
struct dl_type *dl_kernel_type(struct dl_types *ts, const char *name);
/* Is "`sym" or "vmlinux`sym" meant to be a kernel's? */
bool dl_kernel_symbol(const char *name);
/* Is "struct proc" one of the kernel? */
bool dl_kernel_type_is_struct(const char *tag);

/* The name of a macro variable near word, or NULL. */
const char *dl_macro_suggest(const char *word);
/* Operand n, counted as referenced; NULL: there is none. */
const char *dl_macro_arg(struct dl_ctx *c, uint64_t n);

/* --- lex_literal.c --- */
char *dl_unescape(struct arena *a, const char *s, size_t n, uint32_t *len_ret);

/* --- option.c --- */
#define DL_VERSION(major, minor, micro) \
	((uint32_t)(major) << 24 | (uint32_t)(minor) << 12 | (uint32_t)(micro))
#define DL_VERSION_NEWEST DL_VERSION(1, 13, 0)
bool dl_version_parse(const char *s, uint32_t *ret);
bool dl_version_known(uint32_t v);

/* Compile flags that a program's pragmas set for that program only. */
static const enum dl_opt dl_program_flags[] = {
	DL_OPT_ARGREF, DL_OPT_DEFAULTARGS, DL_OPT_EMPTY, DL_OPT_PSPEC, DL_OPT_ZDEFS,
};
struct dl_saved_flags {
	uint64_t number[ARRAY_SIZE(dl_program_flags)];
	bool is_set[ARRAY_SIZE(dl_program_flags)];
	enum dl_opt_origin origin[ARRAY_SIZE(dl_program_flags)];
};
void dl_options_save_flags(const struct dl_options *o, struct dl_saved_flags *ret);
void dl_options_restore_flags(struct dl_options *o, const struct dl_saved_flags *saved);

#endif

/*
 * The compile context, private to dlang's front end (lexer, parser, sema,
 * codegen).  Shared state only: each pass keeps its own in its own struct.
 */
#ifndef DL_CTX_H
#define DL_CTX_H

#include <setjmp.h>

#include "arena.h"
#include "ast.h"
#include "compile.h"
#include "strbuf.h"

struct dl_translator {
	struct dl_type *out; /* struct or union */
	struct dl_type *in;
	const char *param; /* name of the input in member expressions */
	struct dl_range range;
	struct dl_xl_member {
		const char *name;
		struct dl_node *expr; /* as parsed */
		struct dl_range range;
	} * members;
	uint32_t n_members;
	uint32_t version;
	struct dl_translator *next;
};

struct dl_prov_probe {
	const char *name; /* "__" already folded to "-" */
	const char *c_name; /* as declared */
	struct dl_type **native;
	const char **native_names; /* entries may be NULL */
	uint32_t n_native;
	struct dl_type **xlated; /* NULL: same as native */
	const char **xlated_names;
	uint32_t n_xlated;
	uint8_t *map; /* xlated -> native index */
	struct dl_range range;
	struct dl_prov_probe *next;
};

struct dl_provider_decl {
	const char *name;
	struct dl_prov_attr attr;
	struct dl_prov_probe *probes;
	struct dl_range range;
	struct dl_provider_decl *next;
};

/* A type name only the target can know, met before the target was there. */
struct dl_late_type {
	struct dl_type *type; /* DL_FORWARD of DL_TYPEDEF until resolved */
	struct dl_range range;
	const struct dl_source *source;
	struct dl_late_type *next;
};

/* An INT or STR node made from $target or $$target: follows dl_ctx_set_target(). */
struct dl_late_macro {
	struct dl_node *node;
	struct dl_late_macro *next;
};

struct dl_ctx {
	struct arena *arena;
	struct dl_ctx_config config;
	struct dl_diags diags;
	jmp_buf too_broken; /* set in dl_parse()/dl_compile() only */
	bool can_jump;

	struct dl_types *types;
	struct dl_idents *globals; /* built-ins, then user's: one table, parent chain */
	struct dl_idents *tls;
	struct dl_idents *locals; /* this->; replaced for each unit */
	struct dl_idents *aggs;
	struct dl_translator *translators;
	struct dl_provider_decl *providers;

	unsigned unit, n_units; /* number of the program worked on; programs so far */
	VEC(struct dl_ident *) shadowing; /* names used before a later program declares them */

	VEC(struct dl_var *) vars;
	VEC(struct dl_aggdesc *) agg_table;
	VEC(const char *) strings;
	VEC(uint32_t) string_lens;
	uint32_t global_size, tls_size, local_size; /* storage used so far */

	struct strbuf tree; /* -x tree: what was asked for so far */
	bool loading_library;
	bool wants_target; /* something only the target's files can tell was named */
	uint32_t version; /* language version in force */
	const struct dl_source *source; /* being compiled */
	uint32_t arg_refs_max; /* highest $N referenced so far (D_MACRO_UNUSED) */
	struct dl_late_type *late_types; /* type names left for dl_compile() to ask the host */
	struct dl_late_macro *late_macros; /* nodes that hold $target */
	struct dl_literals *literals; /* index of strings: ctx.c */
	struct dl_libraries *libraries; /* lib.c */
};

/* Reports an error (or warning); the text is made in the arena. */
struct dl_diag *dl_error(struct dl_ctx *c, enum dl_tag tag, struct dl_range range, const char *fmt,
			 ...) __attribute__((format(printf, 4, 5)));
struct dl_diag *dl_warn(struct dl_ctx *c, enum dl_tag tag, struct dl_range range, const char *fmt,
			...) __attribute__((format(printf, 4, 5)));
/* An error without tag and place (EDT-style). */
struct dl_diag *dl_error_plain(struct dl_ctx *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void dl_hint(struct dl_ctx *c, struct dl_diag *d, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Takes e (from a host callback); reports it under its own tag or else tag. */
void dl_error_host(struct dl_ctx *c, enum dl_tag tag, struct dl_range range, struct error *e);
/* Gives up the current dl_parse()/dl_compile(). */
_Noreturn void dl_too_broken(struct dl_ctx *c);

/* Index of a string literal, shared by equal ones. */
uint32_t dl_ctx_string(struct dl_ctx *c, const char *s, uint32_t len);

/* --- the passes, in order --- */

/* parse.c: the unit; items refer to ctx tables for declarations. */
struct dl_unit {
	const struct dl_source *source;
	struct dl_node *clauses; /* list of DL_N_CLAUSE */
	struct dl_pdesc *descs;
	uint32_t n_descs;
	bool has_items; /* anything declared at all (D_EMPTY) */
	struct dl_ctx *ctx;
	struct dl_idents *locals; /* its this-> variables: ctx->locals while it is worked on */
	int64_t target; /* value of $target in descs */
	uint32_t arg_refs_max; /* highest $N referenced */
	unsigned number; /* among the programs of the command, from 1; 0: a library */
	bool zdefs, argref, empty; /* compile flags as this program's pragmas set them */
};

/*
 * parse_decl.c: a C type name ("struct foo *", "const char *", "int [4]") to its
 * type, asking the host for names unknown here; NULL without a diagnostic.
 */
struct dl_type *dl_type_parse(struct dl_ctx *c, const char *text);

/* sema.c: sets up built-in identifiers; once per context. */
void dl_sema_init(struct dl_ctx *c);
/*
 * Checks and lowers clause n for its description number desc (probe =
 * its match).  Returns a new, core-only tree, or NULL after reporting.
 * The parsed tree is left as it was: it is checked once per description.
 */
struct dl_node *dl_sema_clause(struct dl_ctx *c, struct dl_unit *u, const struct dl_node *n,
			       uint32_t desc, const struct dl_probe_info *probe,
			       struct dl_attr *stmt_attr_ret);
/* Declarations, called by the parser as it meets them. */
void dl_sema_declare_var(struct dl_ctx *c, enum dl_scope scope, const char *name,
			 struct dl_type *type, struct dl_type **keys, uint32_t n_keys,
			 bool is_assoc, struct dl_range range);
/* What a program declares that an earlier one has used otherwise: when its turn comes. */
void dl_sema_check_late(struct dl_ctx *c, unsigned unit);
void dl_sema_declare_extern(struct dl_ctx *c, const char *name, struct dl_type *type,
			    struct dl_range range);
void dl_sema_declare_inline(struct dl_ctx *c, const char *name, struct dl_type *type,
			    struct dl_inline_param *params, uint32_t n_params, struct dl_node *body,
			    struct dl_range range);
void dl_sema_declare_translator(struct dl_ctx *c, struct dl_translator *x);
void dl_sema_declare_provider(struct dl_ctx *c, struct dl_provider_decl *p);
/* Constant integer expression (array bounds, enumerators, bit-field widths):
 * false if n is not one; reports nothing. */
bool dl_sema_const_int(struct dl_ctx *c, struct dl_node *n, int64_t *ret);
/* ident.c / sema_ident.c: is name a variable, function or inline now? */
bool dl_sema_is_known_ident(struct dl_ctx *c, const char *name);

/* codegen.c: the lowered clause -> out->near, far, actions, ...; false after reporting. */
bool dl_codegen_clause(struct dl_ctx *c, const struct dl_node *lowered, struct dl_clause *out);

/* verify.c: NULL if the code is sound, else why not (static text). */
const char *dl_verify(const struct dl_code *code, bool is_near, uint32_t n_slots,
		      uint32_t n_actions, uint32_t n_vars, uint32_t n_aggs, uint32_t n_strings);

/* lib.c: the libraries built into the binary (dlang/lib/ *.d), ended by NULL name. */
struct dl_embedded_lib {
	const char *name; /* "errno.d" */
	const char *text;
};
extern const struct dl_embedded_lib dl_embedded_libs[];

#endif

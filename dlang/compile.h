/*
 * The compiler's front door: D text in, struct dl_program out.
 *
 * A context (struct dl_ctx) lasts a session: all programs of a command share
 * its types, global and self-> variables, aggregations and options.  It is
 * two-phase, so that a session can look at the probe descriptions (which
 * system calls?  does anything need the target's libraries?) before it starts
 * the target, and check the clauses when the target is there:
 *
 *	dl_parse()    text -> clauses' trees; declarations take effect
 *	dl_compile()  trees -> checked, lowered, compiled, verified program
 *
 * Diagnostics are collected in the context, in source order; every error of
 * a program is reported, not only the first, and none that merely follows
 * from another.
 */
#ifndef DL_COMPILE_H
#define DL_COMPILE_H

#include <stdbool.h>
#include <stdint.h>

#include "diag.h"
#include "host.h"
#include "ident.h"
#include "option.h"
#include "program.h"

struct dl_ctx;
struct dl_unit; /* one program being compiled */
struct strbuf;

/* Which field a one-field description of a string program names. */
enum dl_level { DL_LEVEL_PROVIDER, DL_LEVEL_MODULE, DL_LEVEL_FUNCTION, DL_LEVEL_NAME };

/* Values of $pid, $ppid, ... and of the operands $1... */
struct dl_macros {
	int64_t pid, ppid, pgid, sid, uid, euid, gid, egid, target;
	const char *script_name; /* $0 */
	const char *const *args; /* $1 ... */
	unsigned n_args;
};

/* A name and number that the libraries define: R_RAX, SYS numbers, ... */
struct dl_const {
	const char *name;
	int64_t value;
};

struct dl_ctx_config {
	const struct dl_host *host; /* borrowed; may be NULL */
	struct dl_options *options; /* borrowed */
	struct dl_macros macros; /* texts borrowed for the context's life */
	const struct dl_const *uregs; /* R_* names, ended by NULL name */
	/*
	 * The programs are for -h and -G, which other builders' commands take with less care:
	 * lines that begin with # and mean nothing are comments, types that nobody knows are
	 * numbers, and translators may be missing.
	 */
	bool builds;
	const char *lib_dir; /* installed libraries, before those built in; NULL: none */
};

struct dl_ctx *dl_ctx_create(const struct dl_ctx_config *config); /* NULL: out of memory */
void dl_ctx_destroy(struct dl_ctx *c);
/* $target becomes known when the child is forked. */
void dl_ctx_set_target(struct dl_ctx *c, int64_t pid);
struct dl_types *dl_ctx_types(struct dl_ctx *c);
const struct dl_diags *dl_ctx_diags(const struct dl_ctx *c);
void dl_ctx_clear_diags(struct dl_ctx *c);

struct dl_source {
	enum dl_source_kind kind;
	const char *name; /* file name, or NULL for strings */
	const char *text; /* NUL-terminated; borrowed until the context dies */
	enum dl_level level; /* DL_SRC_STRING: meaning of a lone field; files: NAME */
};

/*
 * Loads the *.d libraries: those of -L directories, then the installed or
 * embedded ones, sorted by depends_on.  Called once, before dl_parse().
 */
bool dl_load_libraries(struct dl_ctx *c);

/* NULL if there were errors (see dl_ctx_diags) or the text is too broken. */
struct dl_unit *dl_parse(struct dl_ctx *c, const struct dl_source *src);
/*
 * Did a program name a symbol or type that only the target's files can tell?
 * Then these must be mapped when dl_compile() runs.
 */
bool dl_ctx_wants_target(const struct dl_ctx *c);
/* All probe descriptions of the unit, in order, macros expanded. */
const struct dl_pdesc *dl_unit_descs(const struct dl_unit *u, uint32_t *n_ret);
/* -d: the program's clauses as D text, if and else made predicates of several clauses. */
void dl_unit_desugar(const struct dl_unit *u, struct strbuf *ret);
/* -x tree: the trees of what was parsed (1) and of what was checked (2, 4, 8), as text. */
const char *dl_ctx_tree(const struct dl_ctx *c);
/*
 * What may be meant by a description that no probe matches, or why none does; NULL: no
 * idea.  Lives as long as the context.
 */
const char *dl_ctx_suggestion(struct dl_ctx *c, const struct dl_pdesc *d);
/* NULL if there were errors. */
struct dl_program *dl_compile(struct dl_ctx *c, struct dl_unit *u);

/* Variable and aggregation tables of all programs compiled so far. */
const struct dl_var *const *dl_ctx_vars(const struct dl_ctx *c, uint32_t *n_ret);
const struct dl_aggdesc *const *dl_ctx_aggs(const struct dl_ctx *c, uint32_t *n_ret);
/*
 * What a provider declared in a program says of a probe ("my-probe"); false:
 * nothing.  The types are those of the context.
 */
bool dl_ctx_provider_args(struct dl_ctx *c, const char *provider, const char *probe,
			  const struct dl_probe_arg **ret, unsigned *n_ret);
/* A probe of a provider that a program declares. */
struct dl_declared_probe {
	const char *provider, *name; /* "my-probe" */
	const char *c_name; /* as declared: "my__probe" */
	unsigned n_args;
	const char *const *types; /* C types of the raw arguments */
	unsigned n_xlated;
	const char *const *xlated; /* types of args[]; NULL: the raw ones */
	const uint8_t *map; /* args[i] is made of raw argument map[i] */
	const struct dl_prov_attr *attr;
};
/* All of them, in the order of their declarations. */
void dl_ctx_each_declared(const struct dl_ctx *c,
			  void (*fn)(void *arg, const struct dl_declared_probe *p), void *arg);
bool dl_ctx_provider_attr(const struct dl_ctx *c, const char *provider, struct dl_prov_attr *ret);
/* String literals: index = imm of STR. */
const char *const *dl_ctx_strings(const struct dl_ctx *c, const uint32_t **lens_ret,
				  uint32_t *n_ret);

/*
 * One diagnostic as text without "dtrace: failed to compile ...: " in front.
 * classic: "[D_TAG] line 4: text"; otherwise "line 4: text" and below it the
 * source line, a caret line and the hint.
 */
void dl_diag_format(struct strbuf *sb, const struct dl_source *src, const struct dl_diag *d,
		    bool errtags, bool context_lines);

/* -S: both programs of every clause, disassembled. */
void dl_program_disasm(struct strbuf *sb, const struct dl_program *p);

/* Glob match of D's rules: * ? [abc] [a-z] [!x] \c; no glob characters: exact;
 * "" matches all. */
bool dl_glob_match(const char *pattern, const char *text);
/*
 * Stability of a description: the least of the fields it names.  Globs name
 * nothing; without a provider's name it is unstable.
 */
struct dl_attr dl_desc_attr(const struct dl_pdesc *d, const struct dl_prov_attr *prov);
bool dl_is_glob(const char *pattern);
/* Nearest of the candidates to word by edit distance, or NULL if none is near. */
struct dl_nearest {
	const char *word;
	const char *best;
	unsigned best_distance;
};
void dl_nearest_consider(struct dl_nearest *n, const char *candidate);

#endif

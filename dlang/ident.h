/*
 * Identifiers: what a name in a D program can mean, and the hash tables that
 * hold them.  Globals, self-> and this-> variables and aggregations are four
 * name spaces.
 */
#ifndef DL_IDENT_H
#define DL_IDENT_H

#include <stdbool.h>
#include <stdint.h>

#include "attr.h"
#include "bytecode.h"
#include "type.h"

enum dl_ident_kind {
	DL_ID_SCALAR, /* variable, built-in or user's */
	DL_ID_ARRAY, /* associative array */
	DL_ID_ARGS, /* args[] */
	DL_ID_UREGS, /* uregs[] */
	DL_ID_SUBR, /* subroutine */
	DL_ID_ACTION, /* action: only as a statement */
	DL_ID_AGGFUNC,
	DL_ID_AGG,
	DL_ID_INLINE, /* inline constant, expression or array */
	DL_ID_SYMBOL, /* symbol of the target */
	DL_ID_ENUM, /* enumerator */
	DL_ID_UNSUPPORTED, /* needs a kernel: referencing it is an error; why = text */
};

/* Actions the checker knows; what they lower to is sema's business. */
enum dl_action_id {
#define ACTION(id, name, flags) DL_A_##id,
#include "action.def"
#undef ACTION
	DL_A_COUNT
};

struct dl_node;
struct dl_var;
struct dl_aggdesc;

struct dl_inline_param {
	const char *name;
	struct dl_type *type;
};

struct dl_ident {
	const char *name;
	enum dl_ident_kind kind;
	struct dl_type *type; /* NULL until fixed by the first assignment */
	struct dl_attr attr;
	uint32_t version; /* language version that introduced it, 0xMMmmmuuu */
	bool is_builtin; /* may not be redeclared or assigned */
	bool is_declared; /* by a declaration, not by assignment */
	bool is_assigned;
	bool holds_scratch, holds_other; /* pointers: what was assigned so far (sema_scratch.c) */
	unsigned line; /* of declaration */

	enum dl_bvar bvar; /* built-in variable */
	enum dl_subr subr;
	enum dl_action_id action;
	int64_t value; /* ENUM */
	uint64_t addr, size; /* SYMBOL */
	const char *object;
	const char *why; /* UNSUPPORTED: what to use instead */

	struct dl_var *var; /* user's variable */
	struct dl_aggdesc *agg;
	struct dl_type **keys; /* ARRAY, INLINE with parameters */
	uint32_t n_keys;
	bool keys_known;
	struct dl_inline_param *params; /* INLINE */
	uint32_t n_params;
	struct dl_node *body; /* INLINE: not yet lowered */
	const void *owner; /* source it was made in (dl_idents_set_owner) */
	unsigned unit; /* number of the program it was made in; 0: built-ins, libraries */
	struct dl_ident *shadows; /* a later program's declaration of a name this one has used */
	struct dl_ident *next; /* hash chain */
};

struct dl_idents; /* a table */

struct arena;
struct dl_idents *dl_idents_create(struct arena *a, struct dl_idents *parent);
/* Identifiers made from now on are marked with owner and unit. */
void dl_idents_set_owner(struct dl_idents *t, const void *owner, unsigned unit);
struct dl_ident *dl_idents_lookup(const struct dl_idents *t,
				  const char *name); /* asks parent too */
struct dl_ident *dl_idents_add(struct dl_idents *t, const char *name, enum dl_ident_kind kind);
/* Calls fn for every name, own first, then the parent's: suggestions. */
void dl_idents_each(const struct dl_idents *t, void (*fn)(void *arg, const struct dl_ident *id),
		    void *arg);

#endif

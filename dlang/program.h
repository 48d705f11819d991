/*
 * A compiled program: what the front end hands to the run time.
 *
 * Each clause of the source becomes one struct dl_clause per probe
 * description it lists, in list order.  All clauses of a session share one
 * context (struct dl_ctx), which holds the variable and aggregation tables
 * and the string literals.  Everything is owned by the context's arena and
 * immutable once compiled.
 */
#ifndef DL_PROGRAM_H
#define DL_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "attr.h"
#include "bytecode.h"
#include "diag.h"
#include "host.h"
#include "type.h"

enum dl_scope { DL_SCOPE_GLOBAL, DL_SCOPE_SELF, DL_SCOPE_THIS };

/* What a value is in records, keys and variables. */
enum dl_vkind {
	DL_VK_INT, /* size 1, 2, 4, 8; is_signed */
	DL_VK_STRING, /* up to strsize */
	DL_VK_BYTES, /* size bytes: struct, union, array, tracemem */
	DL_VK_FLOAT, /* size 4, 8, 16; BYTES in memory */
	DL_VK_USTACK, /* pid + pcs */
	DL_VK_STACK, /* kernel stack: always empty here */
	DL_VK_SYM, /* pid + address; symkind */
};

struct dl_value_desc {
	enum dl_vkind kind;
	uint32_t size; /* bytes (INT, BYTES, FLOAT); frames (USTACK) */
	bool is_signed;
	enum dl_symkind symkind;
	struct dl_type *type; /* D type, for %-checks, print() and JSON */
};

/* A D variable.  index = position in dl_ctx's table = imm of LDV etc. */
struct dl_var {
	const char *name;
	enum dl_scope scope;
	bool is_assoc;
	bool is_array; /* scalar array: storage of value.size bytes, via VADDR */
	struct dl_value_desc value;
	const struct dl_value_desc *keys; /* is_assoc */
	uint32_t n_keys;
	uint32_t offset; /* in its scope's storage (not assoc), multiple of 8 */
	uint32_t index; /* in the context's table */
};

enum dl_aggfunc {
	DL_AGG_COUNT,
	DL_AGG_SUM,
	DL_AGG_AVG,
	DL_AGG_MIN,
	DL_AGG_MAX,
	DL_AGG_STDDEV,
	DL_AGG_QUANTIZE,
	DL_AGG_LQUANTIZE,
	DL_AGG_LLQUANTIZE,
};

struct dl_aggdesc {
	uint32_t id; /* index in the table; imm of AGG */
	const char *name; /* "_" for a plain @ */
	enum dl_aggfunc func;
	bool func_known; /* false while only referenced by printa() and friends */
	uint64_t param; /* lquantize, llquantize: the parameter word */
	const struct dl_value_desc *keys;
	uint32_t n_keys;
	bool keys_known;
	unsigned line; /* of the first assignment */
};

/* Tracing actions: what leaves data in the trace buffer. */
enum dl_action_kind {
	DL_ACT_TRACE,
	DL_ACT_PRINTF,
	DL_ACT_PRINTA,
	DL_ACT_PRINT,
	DL_ACT_PRINTM,
	DL_ACT_TRACEMEM,
	DL_ACT_STACK,
	DL_ACT_USTACK,
	DL_ACT_SYM, /* usym(), uaddr(), umod() as statements */
	DL_ACT_SYSTEM,
	DL_ACT_FREOPEN,
	DL_ACT_FTRUNCATE,
	DL_ACT_SETOPT,
	DL_ACT_CLEAR,
	DL_ACT_TRUNC,
	DL_ACT_NORMALIZE,
	DL_ACT_DENORMALIZE,
	DL_ACT_EXIT,
	DL_ACT_NOTHING, /* expression statement: records nothing, prints nothing */
};

struct dl_format; /* a parsed printf format: format.h */
struct dl_ctx;

struct dl_action {
	enum dl_action_kind kind;
	const struct dl_format *format; /* printf family; NULL = none given */
	const char *format_text;
	const struct dl_value_desc *fields; /* data fields, in order of TR* */
	uint32_t n_fields;
	const struct dl_aggdesc *const *aggs; /* printa, clear, trunc, normalize */
	uint32_t n_aggs;
	bool has_arg; /* trunc() got a count */
	struct dl_type *type; /* print() */
};

struct dl_clause {
	struct dl_pdesc desc;
	const char *desc_text; /* as written, for "description 'X' matched" */
	struct dl_probe_info probe; /* representative at compile time */
	struct dl_code near, far;
	uint32_t n_slots; /* of near's record */
	const struct dl_action *actions;
	uint32_t n_actions;
	const char *needs_stop; /* why far needs the stopped thread; NULL = it does not */
	bool wants_stack; /* far asks for the user stack: from the stopped thread or from a copy */
	bool is_destructive; /* for the target or the system: needs -w */
	bool records; /* leaves a record even if empty: prints its header line */
	bool has_aggs; /* aggregates only -> no header line unless other data */
	struct dl_range range;
	struct dl_attr desc_attr; /* of the probe description */
	struct dl_attr stmt_attr; /* of predicate and body */
	const char *text; /* source of the clause, for -S */
	const struct dl_ctx *ctx; /* whose tables the code's numbers index, for -S */
};

struct dl_program {
	struct dl_clause *clauses;
	uint32_t n_clauses;
	struct dl_attr desc_attr, stmt_attr; /* minimum over the clauses */
	bool has_providers; /* declares USDT providers */
};

#endif

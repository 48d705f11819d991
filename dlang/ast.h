/*
 * The tree.  parse.c makes it, sema*.c annotates and lowers it, codegen*.c
 * reads it.  Nodes live in the compile arena.
 *
 * Before sema the parser's kinds occur (marked P).  After sema only the core
 * kinds occur (marked C): names are resolved, inlines and translators are
 * expanded (LET binds their parameters), x[i], p->m, a.b are lowered to DEREF,
 * MEMBER and pointer arithmetic with explicit scaling, constants are folded,
 * every node has its type, and conversions that change bits are CAST nodes.
 *
 * What the parser leaves in its nodes:
 *	INT	value, and type = the literal's type by the C99 rule
 *	FLOAT	fvalue, type double;  STR: str, str_len, type string
 *	IDENT	name as written, backquotes included; the keywords self and this
 *		are IDENTs too, so self->x is ARROW(IDENT self).x and self->x[k]
 *		is INDEX(ARROW(IDENT self).x, k)
 *	TYPE, CAST, XLATE, OFFSETOF	type of TYPE and CAST is set; it may hang on
 *		a DL_FORWARD that the host can complete
 *	UNARY	NEG PLUS COM NOT DEREF ADDROF;  ++ and -- are INCDEC
 *	CALL	name, args; only plain names are called (else D_FUNC_IDENT)
 *	COND	the condition is not a constant: those are folded while parsing
 * Empty statements are dropped.  Trees are at most DL_TREE_MAX levels high, so
 * passes may recurse.
 */
#ifndef DL_AST_H
#define DL_AST_H

#include <stdbool.h>
#include <stdint.h>

#include "diag.h"
#include "ident.h"
#include "program.h"
#include "type.h"

#define DL_TREE_MAX 1000

enum dl_node_kind {
	/* leaves */
	DL_N_INT, /* PC: value */
	DL_N_FLOAT, /* PC: fvalue (extension) */
	DL_N_STR, /* PC: str, str_len */
	DL_N_IDENT, /* P: name, not resolved */
	DL_N_AGGREF, /* PC: @name[args]: agg, args */
	DL_N_TYPE, /* P: type name operand of sizeof, cast, offsetof, xlate */
	DL_N_VAR, /* C: ident of a D variable, args = tuple if associative */
	DL_N_BVAR, /* C: built-in variable bvar; left = index of those that have one */
	DL_N_ARG, /* C: raw probe argument value (argN), near-evaluable */
	DL_N_UREG, /* C: machine register value (uregs[const]), near-evaluable */
	DL_N_LETVAR, /* C: reference to the variable bound by LET let */
	/* operators; op is an enum dl_oper */
	DL_N_UNARY, /* PC: op left */
	DL_N_BINARY, /* PC: left op right */
	DL_N_COND, /* PC: left ? right : third */
	DL_N_ASSIGN, /* PC: left op= right; op DL_O_ASSIGN or the arithmetic one; C: only DL_O_ASSIGN */
	DL_N_INCDEC, /* PC: op PREINC, PREDEC, POSTINC, POSTDEC on left; C: value = step (scaled) */
	DL_N_COMMA, /* PC: left, right */
	DL_N_CAST, /* PC: (type) left; implicit ones too */
	DL_N_SIZEOF, /* P: left (expression or TYPE) */
	DL_N_STRINGOF, /* PC: left: address of bytes read when consumed */
	DL_N_OFFSETOF, /* P: left TYPE, name */
	DL_N_XLATE, /* P: left TYPE, right expression */
	DL_N_INDEX, /* P: left[args] */
	DL_N_DOT, /* P: left.name */
	DL_N_ARROW, /* P: left->name */
	DL_N_CALL, /* P: name(args); C: subroutine ident->subr(args) */
	DL_N_DEREF, /* C: object of type type at address left */
	DL_N_MEMBER, /* C: member of the struct lvalue/value left: value = byte offset, bit_off, bits */
	DL_N_ADDROF, /* C: address of lvalue left */
	DL_N_BOUNDS, /* C: left, checked to be < value (array index) */
	DL_N_LET, /* C: let_id = left, then right; value and type are right's */
	DL_N_TRANSLATED, /* sema only: a translated struct or pointer, ident of the translator */
	/* statements */
	DL_N_EXPR, /* PC: expression statement left */
	DL_N_ACTION, /* C: tracing action act, args are its data */
	DL_N_EFFECT, /* C: stop(), raise(), ...: effect, left = argument */
	DL_N_SPECULATE,
	DL_N_COMMIT,
	DL_N_DISCARD, /* C: left */
	DL_N_AGG, /* C: aggregation assignment: agg, args = keys, left = value, right = increment (NULL: 1) */
	DL_N_IF, /* PC: left condition, body, else_body */
	/* program level */
	DL_N_CLAUSE, /* PC: descs, left = predicate, body */
};

/* ORDER OPERATORS (names in ast.c) */
enum dl_oper {
	DL_O_ADD,
	DL_O_SUB,
	DL_O_MUL,
	DL_O_DIV,
	DL_O_MOD,
	DL_O_SHL,
	DL_O_SHR,
	DL_O_AND,
	DL_O_OR,
	DL_O_XOR,
	DL_O_LAND,
	DL_O_LOR,
	DL_O_LXOR,
	DL_O_EQ,
	DL_O_NE,
	DL_O_LT,
	DL_O_LE,
	DL_O_GT,
	DL_O_GE,
	DL_O_ASSIGN,
	DL_O_NEG,
	DL_O_PLUS,
	DL_O_COM,
	DL_O_NOT,
	DL_O_DEREF,
	DL_O_ADDROF,
	DL_O_PREINC,
	DL_O_PREDEC,
	DL_O_POSTINC,
	DL_O_POSTDEC,
	DL_O_COUNT
};

struct dl_node {
	enum dl_node_kind kind;
	struct dl_range range;
	enum dl_oper op;
	struct dl_type *type; /* after sema: never NULL on expressions */
	struct dl_attr attr; /* after sema */
	bool is_lvalue;
	bool is_writable; /* lvalue that may be assigned to */
	bool is_const_int; /* value is a compile-time constant */
	bool is_paren; /* parenthesised in the source */

	struct dl_node *left, *right, *third;
	struct dl_node *args; /* list: keys, arguments; linked by next */
	struct dl_node *next; /* next in the list this node is in */
	struct dl_node *body, *else_body; /* statement lists */

	uint32_t height; /* parser only: levels below and with this node */

	uint64_t value; /* INT, offsets, steps, bounds */
	double fvalue;
	const char *str; /* STR bytes (may hold NULs), str_len */
	uint32_t str_len;
	const char *name; /* IDENT, DOT, ARROW, CALL, ... interned */
	struct dl_ident *ident; /* after sema */
	enum dl_bvar bvar;
	enum dl_effect effect;
	uint32_t bit_off, bits; /* MEMBER that is a bit-field: offset from byte offset */
	uint32_t let_id; /* LET, LETVAR: unique in the clause */
	bool is_store; /* LET: of an address that is written to */
	struct dl_aggdesc *agg; /* AGGREF, AGG */
	struct dl_action *act; /* ACTION */

	/* CLAUSE */
	struct dl_pdesc *descs;
	struct dl_range *desc_ranges;
	const char **desc_texts;
	uint32_t n_descs;
	bool has_body; /* { } was written, even if empty */
};

struct dl_node *dl_node_new(struct arena *a, enum dl_node_kind kind, struct dl_range range);
const char *dl_oper_name(enum dl_oper op); /* "+", "->", ... for messages */
const char *dl_node_kind_name(enum dl_node_kind kind);
/* Number of nodes in a list. */
unsigned dl_node_count(const struct dl_node *list);
/* One line per node, indented: for tests and -x tree. */
void dl_node_dump(struct strbuf *sb, const struct dl_node *n);

#endif

/*
 * Private to sema*.c: the checker's state and what its files share.
 *
 * Conventions: every function that checks an expression returns a new node or
 * NULL after having reported; NULL operands are passed over in silence, so one
 * mistake is reported once.  Parsed nodes are never changed.
 */
#ifndef DL_SEMA_INT_H
#define DL_SEMA_INT_H

#include "sema.h"

/* A name that means an expression: inline parameter, translator input. */
struct sema_name {
	const char *name;
	struct dl_node *value; /* lowered, a leaf: copied at each use */
	const struct sema_name *next;
};

/* Inlines and translator members being expanded: stops recursion. */
struct sema_expansion {
	const void *what;
	const struct sema_expansion *next;
};

/* What has happened so far in the clause, for the ordering rules. */
struct sema_order {
	bool speculate, commit, datarec;
};

struct sema {
	struct dl_ctx *c;
	struct arena *a;
	struct dl_types *ts;
	const struct dl_probe_info *probe; /* NULL outside a clause */
	const struct dl_pdesc *desc;
	const char *desc_text;
	const struct sema_name *names;
	const struct sema_expansion *expanding;
	uint32_t next_let;
	unsigned budget; /* nodes left: bounds what inlines expand to */
	bool over_budget;
	bool quiet; /* trying out: no names are made, nothing assigned */
	bool lost; /* something was passed over in silence */
	bool is_sizeof; /* only the type is wanted: no symbol is needed */
	bool has_amin;
	struct dl_attr amin;
	struct sema_order order;
	const struct dl_node *misplaced; /* an action that was taken for a value */
	size_t misplaced_errors; /* errors there were when it was met */
};

/* Values to be computed once, in order. */
struct sema_lets {
	struct dl_node *first, *last;
};

/*
 * DL_N_TRANSLATED: in is the leaf the translator's input is bound to; lets are
 * what must be computed before a member is.
 */
struct sema_translated {
	struct dl_node node;
	struct dl_translator *xlator;
	struct dl_node *in;
	struct sema_lets lets;
	struct dl_type *out; /* the struct */
	bool is_pointer; /* node.type is then <DYN> */
};

/* A list of nodes under construction. */
struct sema_list {
	struct dl_node *first, *last;
};

/* Data to record: nodes and their descriptors. */
struct sema_data {
	struct sema_list nodes;
	struct dl_value_desc *fields;
	uint32_t n, cap;
};

/* --- sema.c --- */
void sema_init(struct sema *s, struct dl_ctx *c);
bool sema_is_action_call(struct sema *s, const struct dl_node *n);
struct dl_node *sema_predicate(struct sema *s, const struct dl_node *n, const char *what);
void sema_order_data(struct sema *s, struct dl_range range);
void sema_order_agg(struct sema *s, struct dl_range range);
void sema_order_destructive(struct sema *s, struct dl_range range);

/* --- sema_node.c --- */
struct dl_node *sema_node(struct sema *s, enum dl_node_kind kind, struct dl_range range,
			  struct dl_type *type);
struct dl_node *sema_copy(struct sema *s, const struct dl_node *n);
struct dl_node *sema_seal(struct dl_node *n); /* attributes from the operands */
struct dl_node *sema_int(struct sema *s, struct dl_range range, uint64_t value,
			 struct dl_type *type);
struct dl_node *sema_binary_node(struct sema *s, struct dl_range range, enum dl_oper op,
				 struct dl_node *l, struct dl_node *r, struct dl_type *type);
struct dl_node *sema_cast_node(struct sema *s, struct dl_node *n, struct dl_type *type);
struct dl_node *sema_deref_node(struct sema *s, struct dl_range range, struct dl_node *addr,
				struct dl_type *type);
struct dl_node *sema_addr_node(struct sema *s, struct dl_node *lvalue, struct dl_type *type);
struct dl_node *sema_member_node(struct sema *s, struct dl_range range, struct dl_node *of,
				 const struct dl_member *m, uint64_t bit_offset);
bool sema_is_leaf(const struct dl_node *n);
/* The value itself if it is a leaf, else a LETVAR for it. */
struct dl_node *sema_bind(struct sema *s, struct sema_lets *lets, struct dl_node *value);
struct dl_node *sema_wrap(struct sema *s, struct sema_lets *lets, struct dl_node *body);
void sema_list_add(struct sema_list *l, struct dl_node *n);
void sema_data_init(struct sema *s, struct sema_data *d, uint32_t cap);
void sema_data_add(struct sema_data *d, struct dl_node *n, const struct dl_value_desc *v);

/* --- sema_conv.c --- */
struct dl_type *sema_basic(struct sema *s, enum dl_basic which);
const char *sema_type_text(struct sema *s, const struct dl_node *n);
uint64_t sema_size(struct sema *s, struct dl_type *t); /* completes it if need be */
struct dl_type *sema_complete(struct sema *s, struct dl_type *t);
struct dl_type *sema_unqualified(struct dl_type *t);
bool sema_is_const_type(struct dl_type *t);
bool sema_is_null(const struct dl_node *n);
bool sema_is_dynamic(const struct dl_node *n);
bool sema_is_void(const struct dl_node *n);
bool sema_is_integer(const struct dl_node *n);
bool sema_is_float(const struct dl_node *n);
bool sema_is_arith(const struct dl_node *n); /* integers; floats where allowed */
bool sema_is_pointer(const struct dl_node *n); /* and arrays, strings: what + takes */
bool sema_is_scalar(const struct dl_node *n);
bool sema_floats_allowed(struct sema *s);
struct dl_type *sema_pointee(struct sema *s, const struct dl_node *n);
struct dl_type *sema_promote(struct sema *s, struct dl_type *a, struct dl_type *b);
bool sema_type_signed(struct dl_type *t);
bool sema_ptr_compat(struct sema *s, const struct dl_node *a, const struct dl_node *b);
bool sema_arg_compat(struct sema *s, struct dl_type *want, const struct dl_node *n);
bool sema_assign_compat(struct sema *s, struct dl_type *want, const struct dl_node *n);
/* Arrays to pointers to their first element, functions to their address. */
struct dl_node *sema_decay(struct sema *s, struct dl_node *n);
struct dl_node *sema_to_string(struct sema *s, struct dl_node *n);
struct dl_node *sema_to_float(struct sema *s, struct dl_node *n);
/* As stored in an object of type t, passed or used as key: bits cut as in C. */
struct dl_node *sema_convert(struct sema *s, struct dl_node *n, struct dl_type *t);
void sema_value_desc(struct sema *s, struct dl_type *t, struct dl_value_desc *ret);

/* --- sema_const.c --- */
bool sema_fold(enum dl_oper op, uint64_t a, uint64_t b, bool is_signed, uint64_t *ret);
uint64_t sema_fit(struct dl_type *t, uint64_t v); /* sign- or zero-extended from t's size */

/* --- sema_expr.c --- */
struct dl_node *sema_expr(struct sema *s, const struct dl_node *n);
/* As operand of op: refuses actions. */
struct dl_node *sema_operand(struct sema *s, const struct dl_node *n, const char *op);
struct dl_node *sema_subscript(struct sema *s, struct dl_range range, struct dl_node *base,
			       const struct dl_node *args, const char *name);
struct dl_node *sema_member_of(struct sema *s, struct dl_range range, struct dl_node *of,
			       const char *name, const char *op);
/* Suggests the member of t that name may have meant. */
void sema_hint_member(struct sema *s, struct dl_diag *d, const struct dl_type *t, const char *name);
/* Any expression whose value is recorded, stack() and usym() included. */
struct dl_node *sema_traced(struct sema *s, const struct dl_node *n, struct dl_value_desc *ret);

/* --- sema_op.c --- */
struct dl_node *sema_unary(struct sema *s, const struct dl_node *n);
struct dl_node *sema_binary(struct sema *s, const struct dl_node *n);
struct dl_node *sema_apply(struct sema *s, struct dl_range range, enum dl_oper op,
			   const char *op_text, struct dl_node *l, struct dl_node *r);
struct dl_node *sema_scaled(struct sema *s, struct dl_node *index, uint64_t size);
bool sema_check_scratch_mix(struct sema *s, struct dl_range range, const struct dl_node *l,
			    const struct dl_node *r);
bool sema_check_scratch_store(struct sema *s, struct dl_range range, const struct dl_node *l,
			      const struct dl_node *r);
struct dl_node *sema_cond(struct sema *s, const struct dl_node *n);

/* --- sema_assign.c --- */
struct dl_node *sema_assign(struct sema *s, const struct dl_node *n);
struct dl_node *sema_incdec(struct sema *s, const struct dl_node *n);
struct dl_node *sema_store(struct sema *s, struct dl_range range, struct dl_node *l,
			   struct dl_node *r, const char *op_text);

/* --- sema_var.c --- */
enum sema_use { SEMA_READ, SEMA_WRITE, SEMA_MODIFY, SEMA_STEP };
/* What an lvalue or variable is wanted for; rhs types a new variable. */
struct sema_want {
	enum sema_use use;
	struct dl_node *rhs; /* WRITE: NULL if erroneous */
};
struct dl_node *sema_ident(struct sema *s, const struct dl_node *n, const struct sema_want *w);
struct dl_node *sema_scoped_var(struct sema *s, const struct dl_node *n, enum dl_scope scope,
				const struct sema_want *w);
struct dl_node *sema_index(struct sema *s, const struct dl_node *n, const struct sema_want *w);
struct dl_node *sema_lvalue(struct sema *s, const struct dl_node *n, const struct sema_want *w);
/* Makes the variable of an identifier that has its type and keys. */
bool sema_var_place(struct sema *s, struct dl_ident *id, enum dl_scope scope,
		    struct dl_range range);
/* self or this as the left side of -> ; -1: neither. */
int sema_scope_of(const struct dl_node *n);

/* --- sema_ident.c --- */
/* What name means in the language version in force; NULL: nothing. */
struct dl_ident *sema_find(struct dl_ctx *c, struct dl_idents *table, const char *name);
struct dl_ident *sema_lookup(struct sema *s, const char *name);
const char *sema_kind_word(const struct dl_ident *id);
void sema_suggest(struct sema *s, struct dl_diag *d, const char *name, bool functions);
/* The nearest name of one table: self-> and this-> variables, aggregations; false: none is near. */
bool sema_suggest_from(struct sema *s, struct dl_diag *d, const struct dl_idents *table,
		       const char *prefix, const char *name);
struct dl_node *sema_unsupported(struct sema *s, struct dl_range range, const struct dl_ident *id);
struct dl_attr sema_ident_attr(const struct dl_ident *id);
void sema_check_attr(struct sema *s, struct dl_range range, const char *what, struct dl_attr attr);
struct dl_type *sema_type_by_text(struct sema *s, const char *text, const char *object);

/* --- sema_probe.c --- */
struct dl_node *sema_bvar(struct sema *s, struct dl_range range, struct dl_ident *id);
struct dl_node *sema_args(struct sema *s, const struct dl_node *n);
struct dl_node *sema_args_named(struct sema *s, const struct dl_node *n);
struct dl_node *sema_uregs(struct sema *s, const struct dl_node *n);
struct dl_node *sema_symbol(struct sema *s, struct dl_range range, const char *name,
			    struct dl_type *declared);

/* --- sema_call.c --- */
/* Refuses an action taken for a value, if nothing else was said about it. */
void sema_misplaced(struct sema *s);
struct dl_node *sema_call(struct sema *s, const struct dl_node *n);
bool sema_check_count(struct sema *s, struct dl_range range, enum dl_tag tag, const char *name,
		      unsigned n, unsigned min, unsigned max);
/* Argument i (1-based), converted to t. */
struct dl_node *sema_arg(struct sema *s, const char *name, unsigned i, const struct dl_node *n,
			 struct dl_type *t);
void sema_arg_mismatch(struct sema *s, enum dl_tag tag, struct dl_range range, const char *name,
		       unsigned i, const char *proto, const char *arg);

/* --- sema_agg.c --- */
struct dl_node *sema_agg_ref(struct sema *s, const struct dl_node *n);
struct dl_node *sema_agg_assign(struct sema *s, const struct dl_node *n);
struct dl_ident *sema_agg_find(struct sema *s, const char *name);

/* --- sema_aggfunc.c --- */
/* The arguments of an aggregating function into out->left, right and *param. */
bool sema_aggfunc(struct sema *s, const struct dl_node *call, enum dl_aggfunc func,
		  struct dl_aggdesc *agg, struct dl_node *out);

/* --- sema_action.c --- */
struct dl_node *sema_action(struct sema *s, const struct dl_node *call, struct dl_ident *id);
struct dl_node *sema_action_node(struct sema *s, struct dl_range range, enum dl_action_kind kind,
				 struct sema_data *d);
bool sema_positive_const(struct sema *s, const struct dl_node *n, bool allow_zero, uint64_t *ret);
/* stack(), ustack(), usym(), ... as data; NULL after reporting. */
struct dl_node *sema_stack_data(struct sema *s, const struct dl_node *call, struct dl_ident *id,
				struct dl_value_desc *ret);

/* --- sema_aggact.c --- */
struct dl_node *sema_agg_action(struct sema *s, const struct dl_node *call, struct dl_ident *id);
struct dl_node *sema_printa(struct sema *s, const struct dl_node *call);

/* --- sema_printf.c --- */
struct dl_node *sema_printf(struct sema *s, const struct dl_node *call, enum dl_action_kind kind);
const struct dl_format *sema_format(struct sema *s, const struct dl_node *call,
				    const struct dl_node *arg);
/* Checks fields (argument numbers start at first) against the format. */
bool sema_format_check(struct sema *s, const struct dl_node *call, const struct dl_format *f,
		       const struct dl_value_desc *fields, uint32_t n, unsigned first,
		       const struct dl_aggdesc *const *aggs, uint32_t n_aggs);

/* --- sema_inline.c --- */
struct dl_node *sema_inline(struct sema *s, const struct dl_node *use, struct dl_ident *id,
			    const struct dl_node *args);
bool sema_enter(struct sema *s, struct sema_expansion *e, const void *what, struct dl_range range,
		const char *name);
void sema_leave(struct sema *s, const struct sema_expansion *e);

/* --- sema_xlate.c --- */
struct dl_node *sema_xlate(struct sema *s, const struct dl_node *n);
struct dl_node *sema_translate(struct sema *s, struct dl_range range, struct dl_node *in,
			       struct dl_type *out, struct dl_translator *x);
struct dl_translator *sema_find_translator(struct dl_ctx *c, struct dl_type *in,
					   struct dl_type *out);
struct dl_node *sema_translated_member(struct sema *s, struct dl_range range,
				       struct sema_translated *t, const char *name);
/* t with more to be computed before it. */
struct dl_node *sema_translated_keep(struct sema *s, struct sema_translated *t,
				     struct sema_lets *lets);
/* l = t, member by member. */
struct dl_node *sema_assign_translated(struct sema *s, struct dl_range range, struct dl_node *l,
				       struct sema_translated *t);
struct sema_translated *sema_as_translated(struct dl_node *n);

#endif

/*
 * Code generation, private to codegen*.c, verify.c and disasm.c.
 *
 * A clause's tree is walked once, for far.  Wherever the walk meets an
 * expression that near can compute, the expression becomes an input: near
 * code for it is appended to the near program, and far reads the slot.
 *
 * Registers are a stack: gen leaves its value in register top and raises top
 * by one, so arguments of a call lie one after another by themselves.
 */
#ifndef DL_CODEGEN_H
#define DL_CODEGEN_H

#include "ctx.h"

#define CG_FAR_REGS 256
#define CG_MAX_DEPTH 1500 /* of the tree: the walks recurse */
#define CG_MAX_OFFSET (1u << 20) /* of one member: sums of them fit in an instruction */
#define CG_MAX_TUPLE 8 /* elements of an associative array's key, arguments of a call */

/* --- one program being written --- */

struct cg_code {
	bool is_near;
	struct dl_insn *insns;
	uint32_t n, cap;
	uint64_t *consts;
	uint32_t n_consts, cap_consts;
	unsigned top; /* first free register */
	unsigned n_regs; /* highest ever used + 1 */
};

/* --- inputs: what near leaves in the slots --- */

enum cg_input_kind {
	CG_IN_SCALAR, /* value of a */
	CG_IN_STR, /* string at a, at most strsize */
	CG_IN_STRN, /* string at a, limit bytes with its NUL */
	CG_IN_MEM, /* limit bytes at a */
};

struct cg_input {
	enum cg_input_kind kind;
	const struct dl_node *a;
	bool a_is_lvalue; /* a names an object: its address is meant */
	const struct dl_node *n; /* length in bytes; NULL: limit is constant */
	uint64_t limit;
};

/* What is known of a variable at this point of the clause. */
struct cg_known {
	uint32_t var; /* index in the context's table */
	bool is_dmem; /* it holds an address of D memory */
	const struct dl_node *near; /* near can compute its value: so; else NULL */
};

struct cg_let {
	const struct dl_node *let; /* the LET node */
	const struct dl_node *near; /* snapshot of its value, while code is made for its right */
	bool is_bound; /* held in far register reg; else computed anew where used */
	bool is_dmem; /* bound: the value is an address of D memory */
	unsigned reg;
};

struct gen {
	struct dl_ctx *c;
	struct dl_clause *out;
	struct cg_code near, far;
	struct cg_code *cur; /* where gen emits: near while an input is added */
	struct cg_input inputs[NEAR_SLOTS_MAX];
	uint32_t n_inputs;
	struct cg_let *lets;
	uint32_t n_lets, cap_lets;
	const struct dl_action **actions;
	uint32_t n_actions, cap_actions;
	struct cg_known *known; /* of the variables of this clause */
	uint32_t n_known, cap_known;
	unsigned far_regs; /* registers that far may use */
	unsigned cond_depth; /* inside &&, ||, ?: of far */
	uint32_t stmt; /* last STMT number */
	struct dl_range at; /* of the statement code is made for */
	bool is_store; /* what the address made leads to is written: elements come into being */
	bool writes_memory; /* copyout(), copyoutstr(): no reading ahead */
	bool failed; /* reported; what is emitted from now on is not used */
};

/* --- codegen.c: emitting --- */

void cg_fail(struct gen *g, enum dl_tag tag, struct dl_range range, const char *text);
/* The first reason stays. */
void cg_needs_stop(struct gen *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint32_t cg_emit(struct gen *g, enum dl_op op, unsigned a, unsigned b, unsigned c, int32_t imm);
unsigned cg_push(struct gen *g); /* a new register: the top one */
void cg_pop(struct gen *g, unsigned to); /* top = to */
void cg_load_const(struct gen *g, unsigned reg, uint64_t v);
uint32_t cg_jump(struct gen *g, enum dl_op op, unsigned reg); /* to be patched */
void cg_patch(struct gen *g, uint32_t jump); /* to here */
uint32_t cg_var_index(struct gen *g, const struct dl_var *v);
/* What is known of variable number var; nothing: all zero. */
struct cg_known cg_known_of(const struct gen *g, uint32_t var);
void cg_know(struct gen *g, struct cg_known k);

/* What a register holds when a value of this type is computed. */
enum cg_class {
	CG_SCALAR, /* integer, enum, pointer: the value */
	CG_DOUBLE, /* bits of a double */
	CG_ADDRESS, /* string, struct, union, array, function: where it is */
	CG_NOTHING, /* void and what is no value */
};
enum cg_class cg_class_of(struct dl_type *t);
uint64_t cg_size_of(struct gen *g, struct dl_type *t);
bool cg_is_signed(struct dl_type *t);
/* reg += off */
void cg_add_offset(struct gen *g, unsigned reg, uint64_t off);
/* SX or ZX to size bytes; nothing at 8. */
void cg_extend(struct gen *g, unsigned reg, uint64_t size, bool is_signed);
static inline bool cg_is_var(const struct dl_node *n)
{
	return n->kind == DL_N_VAR && n->ident && n->ident->var;
}

/* --- codegen_expr.c: values.  Each returns the register (the old top). --- */

unsigned cg_expr(struct gen *g, const struct dl_node *n);
void cg_drop(struct gen *g, const struct dl_node *n); /* for its effects */
unsigned cg_truth(struct gen *g, const struct dl_node *n); /* zero or not */
unsigned cg_double(struct gen *g, const struct dl_node *n);
/* D or (needs_stop) target address of the bytes of n, read at once. */
unsigned cg_bytes(struct gen *g, const struct dl_node *n, uint64_t size);
/* The same of the string n. */
unsigned cg_string(struct gen *g, const struct dl_node *n);
/* Surely extended from size bytes already? */
bool cg_is_narrow(struct gen *g, const struct dl_node *n, uint64_t size, bool is_signed);
/* The size bytes at the address n. */
unsigned cg_bytes_at(struct gen *g, const struct dl_node *n, uint64_t size);
/* --- codegen_mem.c: memory --- */

/* How a scalar lies in memory.  A bit-field has bits != 0. */
struct cg_field {
	uint64_t off; /* bytes from the object's own offset; may be "negative" */
	unsigned size; /* of the load: 1, 2, 4, 8 */
	unsigned shift, bits;
	bool is_signed;
	bool is_split; /* a packed bit-field of 9 bytes: two loads */
};
struct cg_field cg_field_of(struct gen *g, const struct dl_node *n);
/* Base address of an lvalue; the constant offset is apart. */
unsigned cg_addr(struct gen *g, const struct dl_node *n, uint64_t *off_ret);
/* Is the value certainly an address of D memory (or NULL)?  Strings count as
 * such: where one is the target's, its evaluation said needs_stop. */
bool cg_is_dmem(struct gen *g, const struct dl_node *n);
bool cg_lvalue_is_dmem(struct gen *g, const struct dl_node *n);
/* Far reads target memory: says why. */
void cg_far_read(struct gen *g);
/* reg = the size-byte word at base + off. */
void cg_emit_load(struct gen *g, unsigned reg, unsigned base, uint64_t off, unsigned size,
		  bool is_signed);
void cg_shift(struct gen *g, enum dl_op op, unsigned reg, unsigned by);
/* Value of a DEREF or MEMBER: loaded if scalar, its address otherwise. */
unsigned cg_object(struct gen *g, const struct dl_node *n);

/* --- codegen_var.c: variables, assignment --- */

unsigned cg_var(struct gen *g, const struct dl_node *n);
unsigned cg_assign(struct gen *g, const struct dl_node *n);
unsigned cg_incdec(struct gen *g, const struct dl_node *n);
/* Base address of lvalue n for a store: struct elements come into being. */
unsigned cg_store_addr(struct gen *g, const struct dl_node *n, uint64_t *off_ret);
/* The value of n, an address that is written to: the same. */
unsigned cg_written(struct gen *g, const struct dl_node *n);
/* Computes the keys above top; returns the first register. */
unsigned cg_keys(struct gen *g, const struct dl_node *keys, const struct dl_value_desc *descs,
		 uint32_t n_descs);
/* TUP and TUP* of keys computed by cg_keys(). */
void cg_tuple(struct gen *g, unsigned reg, const struct dl_value_desc *descs, uint32_t n_descs);
/* A value in the form a field or key of this description wants it. */
unsigned cg_value(struct gen *g, const struct dl_node *n, const struct dl_value_desc *d);

/* --- codegen_call.c --- */

unsigned cg_call(struct gen *g, const struct dl_node *n);

/* --- codegen_stmt.c --- */

void cg_body(struct gen *g, const struct dl_node *list);

/* --- codegen_near.c --- */

struct cg_near {
	bool touches; /* looks at arguments, registers or memory */
	bool loads; /* reads memory, or may: stack arguments */
	bool bounds; /* has BOUNDS, which far repeats */
	unsigned need; /* near registers */
};

/* Can near compute n (as an address, if n is of class ADDRESS)? */
bool cg_near_ok(struct gen *g, const struct dl_node *n, struct cg_near *ret);
/* Registers n needs; n is near_ok. */
unsigned cg_near_need(struct gen *g, const struct dl_node *n);
/* Each: the value in a new far register, or false and nothing done. */
bool cg_input_scalar(struct gen *g, const struct dl_node *n, unsigned *ret);
bool cg_input_string(struct gen *g, const struct dl_node *addr, unsigned *ret);
bool cg_input_string_n(struct gen *g, const struct dl_node *addr, const struct dl_node *n,
		       unsigned *ret);
/* n: length node, or NULL and size.  The second form leaves the INP to the caller. */
bool cg_input_mem(struct gen *g, const struct dl_node *addr, const struct dl_node *n, uint64_t size,
		  unsigned *ret);
bool cg_input_mem_slot(struct gen *g, const struct dl_node *addr, const struct dl_node *n,
		       uint64_t size, uint32_t *slot_ret);
/* Bytes or (is_string) string of the object that lvalue n names. */
bool cg_input_object(struct gen *g, const struct dl_node *n, uint64_t size, bool is_string,
		     unsigned *ret);
/* Near's part of the predicate; what is left for far goes into conjuncts. */
void cg_near_predicate(struct gen *g, const struct dl_node *pred, const struct dl_node **conjuncts,
		       uint32_t max, uint32_t *n_ret);
struct cg_let *cg_let_find(struct gen *g, uint32_t id);
/* What an unbound LETVAR or a known variable stands for; n itself otherwise. */
const struct dl_node *cg_resolve(struct gen *g, const struct dl_node *n);
/* A copy of n, which near can compute, that later assignments do not change. */
const struct dl_node *cg_snapshot(struct gen *g, const struct dl_node *n);
/* The number of an ARG or UREG. */
uint64_t cg_leaf_index(const struct dl_node *n);

/* --- disasm.c: ops.def as a table --- */

enum cg_format {
	CG_F_N,
	CG_F_A,
	CG_F_AI,
	CG_F_AB,
	CG_F_ABC,
	CG_F_ABI,
	CG_F_S,
	CG_F_SI,
	CG_F_SSI,
	CG_F_SSCI,
	CG_F_I,
	CG_F_J,
	CG_F_SJ,
};
enum cg_tier { CG_T_NF, CG_T_F, CG_T_R };

struct cg_op_info {
	const char *name;
	enum cg_format format;
	enum cg_tier tier;
};
extern const struct cg_op_info cg_ops[DL_OP_COUNT];

#endif

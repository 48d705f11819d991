/*
 * Planning clauses with near variables: what near_self.c and near_self_record.c
 * share.
 */
#ifndef DL_NEAR_PLAN_H
#define DL_NEAR_PLAN_H

#include "near_self.h"

#define FAR_REGS 256u
#define OUT_MAX 1024u
#define NODES_MAX 256u
#define TIME_REG (NEAR_REGS - 1) /* has the time, if it is used twice */

enum content {
	UNKNOWN,
	LITERAL, /* value; in its register only if is_there */
	STEADY, /* the same for all firings of the thread; in no register */
	COMPUTED, /* in near's register of the same number */
	TREE, /* a value made of slots */
};

struct far_reg {
	enum content has;
	bool is_there;
	uint64_t value;
	uint32_t node;
	uint32_t written; /* by which instruction of far */
};

/* A value that near can make from slots. */
struct node {
	enum { N_LITERAL, N_SLOT, N_OP } kind;
	uint64_t value; /* N_LITERAL; N_SLOT: its number */
	struct dl_insn insn; /* N_OP; left and right are b and c */
	uint32_t left, right;
};

struct plan {
	const struct dl_clause *c;
	const struct dl_near_vars *v;
	dl_near_cell_fn *has_cell;
	void *arg;
	struct dl_near_plan *out;
	bool failed;

	struct dl_insn near[OUT_MAX];
	uint32_t to[OUT_MAX]; /* jumps to translations: far's instruction + 1; 0 for others */
	uint32_t n, n_regs;
	uint64_t *consts; /* of near's own, and more */
	uint32_t n_consts, cap_consts;

	struct far_reg regs[FAR_REGS];
	uint32_t *at; /* by far's instructions: where its translation starts */
	uint32_t n_times; /* uses of timestamp */
	bool has_jumps; /* that do not leave the clause */
	uint32_t body; /* far's instruction behind the predicate */

	/* With a record. */
	struct node nodes[NODES_MAX];
	uint32_t n_nodes;
	uint32_t n_slots;
	int32_t time_slot;
	int32_t *value_slot; /* by variable: the slot that has what it holds now, or -1 */
	bool may_have_ended; /* a fault may have ended far's clause */
};

/* Where the jump at pc leads. */
uint32_t np_jump_target(const struct dl_code *code, uint32_t pc);
/* The variable's word, or -1. */
int32_t np_word_of(const struct dl_near_vars *v, int32_t var);
/* The plan fails if there is no such register. */
void np_use_reg(struct plan *p, unsigned reg);
/* Its number. */
uint32_t np_emit(struct plan *p, uint8_t op, unsigned a, unsigned b, unsigned c, int32_t imm);
void np_emit_literal(struct plan *p, unsigned reg, uint64_t v);
/* A near instruction of the clause, its registers moved up. */
void np_emit_moved(struct plan *p, struct dl_insn i, unsigned by);
/* The instruction behind the last NREC. */
uint32_t np_behind_predicate(const struct dl_code *near);
bool np_slot_may_fault(const struct plan *p, int32_t slot);
/* What the register of far has, by instruction pc. */
void np_put(struct plan *p, uint32_t pc, unsigned reg, enum content has);
/* Behind a label nothing is known of what was written under a condition. */
void np_merge_at(struct plan *p, uint32_t pc, enum content becomes);
/* A narrow variable holds what its type holds. */
void np_emit_narrow(struct plan *p, int32_t var, unsigned to, unsigned from);
/* Far's instructions [from, end). */
void np_translate(struct plan *p, uint32_t from, uint32_t end);
/* Near's own predicate, and the time if it is needed twice. */
void np_start(struct plan *p, uint32_t end);
/* near_self_record.c: with a record; false: it can't be done. */
bool np_record(struct plan *p);

#endif

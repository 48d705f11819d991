/*
 * Planning clauses with near variables (near_self.h).
 *
 * Two kinds of plan are tried:
 *
 *  - without a record: far is translated instruction by instruction.  Its
 *    registers are near's registers of the same numbers; an input's code is put
 *    where far takes the input, its registers moved up to what far has free
 *    there (both are stacks).  Keys are left out: they are the same for all
 *    firings of the thread.
 *  - with a record: the predicate is translated so; behind the clause's own slots
 *    come one for each value of a near variable that far reads, and what is
 *    assigned, in far's order.  What is assigned is computed from slots.
 *
 * Rules:
 *  - nothing in an assignment, and nothing before it, may fault: far would have
 *    ended the clause there;
 *  - with a record, an assignment stands under no condition but the predicate;
 *  - timestamp stands still within the clause: it is read once.
 */
#include "near_self.h"

#include <stdlib.h>
#include <string.h>

#include "codegen.h"

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

static uint32_t jump_target(const struct dl_code *code, uint32_t pc)
{
	return pc + 1 + (uint32_t)code->insns[pc].imm;
}

static int32_t word_of(const struct dl_near_vars *v, int32_t var)
{
	return var >= 0 && (uint32_t)var < v->n ? v->words[var] : -1;
}

bool dl_near_var_ok(const struct dl_var *v)
{
	return v->scope == DL_SCOPE_SELF && !v->is_assoc && !v->is_array &&
	       v->value.kind == DL_VK_INT;
}

bool dl_near_uses_words(const struct dl_clause *c, const struct dl_near_vars *v)
{
	for (uint32_t pc = 0; pc < c->far.n; pc++) {
		const struct dl_insn *i = &c->far.insns[pc];

		if ((i->op == DL_OP_LDV || i->op == DL_OP_STV || i->op == DL_OP_VADDR) &&
		    word_of(v, i->imm) >= 0)
			return true;
	}
	return false;
}

/* -------------------------------------------------------------- emitting -- */

static void use_reg(struct plan *p, unsigned reg)
{
	if (reg >= NEAR_REGS || (p->n_times > 1 && reg == TIME_REG))
		p->failed = true;
	else if (reg >= p->n_regs)
		p->n_regs = reg + 1;
}

static uint32_t emit(struct plan *p, uint8_t op, unsigned a, unsigned b, unsigned c, int32_t imm)
{
	if (p->n == OUT_MAX) {
		p->failed = true;
		return 0;
	}
	p->to[p->n] = 0;
	p->near[p->n] = (struct dl_insn){ op, (uint8_t)a, (uint8_t)b, (uint8_t)c, imm };
	return p->n++;
}

static int32_t add_const(struct plan *p, uint64_t v)
{
	for (uint32_t i = 0; i < p->n_consts; i++)
		if (p->consts[i] == v)
			return (int32_t)i;
	if (p->n_consts == p->cap_consts) {
		uint32_t cap = p->cap_consts ? 2 * p->cap_consts : 8;
		uint64_t *bigger = realloc(p->consts, sizeof(*bigger) * cap);

		if (!bigger) {
			p->failed = true;
			return 0;
		}
		p->consts = bigger;
		p->cap_consts = cap;
	}
	p->consts[p->n_consts] = v;
	return (int32_t)p->n_consts++;
}

static void emit_literal(struct plan *p, unsigned reg, uint64_t v)
{
	use_reg(p, reg);
	if ((int64_t)v == (int32_t)v)
		emit(p, DL_OP_LDI, reg, 0, 0, (int32_t)v);
	else
		emit(p, DL_OP_LDK, reg, 0, 0, add_const(p, v));
}

/* A near instruction of the clause, its registers moved up. */
static void emit_moved(struct plan *p, struct dl_insn i, unsigned by)
{
	if (i.op == DL_OP_LDK)
		i.imm = add_const(p, p->c->near.consts[i.imm]);
	if (i.op != DL_OP_NLD)
		i.c = (uint8_t)(i.c + by);
	i.a = (uint8_t)(i.a + by);
	i.b = (uint8_t)(i.b + by);
	if (!dl_op_jumps(i.op) && i.op != DL_OP_NREC)
		use_reg(p, i.a);
	emit(p, i.op, i.a, i.b, i.c, i.imm);
}

/* ---------------------------------------------------------- near's parts -- */

static uint32_t behind_predicate(const struct dl_code *near)
{
	uint32_t at = 0;

	for (uint32_t pc = 0; pc < near->n; pc++)
		if (near->insns[pc].op == DL_OP_NREC)
			at = pc + 1;
	return at;
}

/* The stretch [*from, *to) that computes the slot; *to closes it. */
static bool find_slot(const struct dl_code *near, int32_t slot, uint32_t *from, uint32_t *to)
{
	*from = behind_predicate(near);
	for (uint32_t pc = *from; pc < near->n; pc++) {
		const struct dl_insn *i = &near->insns[pc];

		if (!dl_op_closes_slot(i->op))
			continue;
		*to = pc;
		if (i->imm == slot)
			return true;
		*from = pc + 1;
	}
	return false;
}

static bool near_may_fault(const struct plan *p, const struct dl_insn *i)
{
	return i->op == DL_OP_NLD || (i->op == DL_OP_NARG && (unsigned)i->imm >= p->v->reg_args);
}

static bool slot_may_fault(const struct plan *p, int32_t slot)
{
	const struct dl_code *near = &p->c->near;
	uint32_t from, to;

	if (!find_slot(near, slot, &from, &to) || near->insns[to].op != DL_OP_NSLOT)
		return true;
	for (uint32_t pc = from; pc < to; pc++)
		if (near_may_fault(p, &near->insns[pc]))
			return true;
	return false;
}

/* reg = the slot's value; the registers from reg on are free. */
static void emit_input(struct plan *p, int32_t slot, unsigned reg)
{
	const struct dl_code *near = &p->c->near;
	uint32_t from, to;

	use_reg(p, reg);
	if (slot_may_fault(p, slot) || !find_slot(near, slot, &from, &to)) {
		p->failed = true;
		return;
	}
	for (uint32_t pc = from; pc < to; pc++)
		emit_moved(p, near->insns[pc], reg);
	if (near->insns[to].a != 0)
		emit(p, DL_OP_MOV, reg, reg + near->insns[to].a, 0, 0);
}

/* --------------------------------------------- far, instruction by instruction -- */

static void put(struct plan *p, uint32_t pc, unsigned reg, enum content has)
{
	p->regs[reg] = (struct far_reg){ .has = has, .is_there = true, .written = pc };
	if (has == COMPUTED)
		use_reg(p, reg);
}

/* Behind a label nothing is known of what was written under a condition. */
static void merge_at(struct plan *p, uint32_t pc, enum content becomes)
{
	const struct dl_code *far = &p->c->far;
	uint32_t first = pc;

	for (uint32_t j = 0; j < pc; j++)
		if (dl_op_jumps(far->insns[j].op) && jump_target(far, j) == pc && j < first)
			first = j;
	for (unsigned r = 0; first < pc && r < FAR_REGS; r++) {
		struct far_reg *reg = &p->regs[r];

		if (reg->written > first && reg->has != UNKNOWN)
			reg->has = reg->has == STEADY ? UNKNOWN : becomes;
	}
}

/* The operand is in its register. */
static void want(struct plan *p, unsigned reg)
{
	struct far_reg *r = &p->regs[reg];

	if (r->has == LITERAL && !r->is_there) {
		emit_literal(p, reg, r->value);
		r->is_there = true;
	} else if (r->has != LITERAL && r->has != COMPUTED) {
		p->failed = true;
	}
}

static void see_literal(struct plan *p, uint32_t pc, unsigned reg, uint64_t v)
{
	put(p, pc, reg, LITERAL);
	p->regs[reg].value = v;
	p->regs[reg].is_there = p->has_jumps;
	if (p->has_jumps)
		emit_literal(p, reg, v);
}

static void see_time(struct plan *p, uint32_t pc, unsigned reg)
{
	put(p, pc, reg, COMPUTED);
	if (p->n_times > 1)
		emit(p, DL_OP_MOV, reg, TIME_REG, 0, 0);
	else
		emit(p, DL_OP_NTIME, reg, 0, 0, 0);
}

static void see_division(struct plan *p, uint32_t pc, const struct dl_insn *i)
{
	const struct far_reg *by = &p->regs[i->c];

	if (by->has != LITERAL || by->value == 0 || by->value > INT32_MAX) {
		p->failed = true;
		return;
	}
	want(p, i->b);
	put(p, pc, i->a, COMPUTED);
	emit(p, i->op == DL_OP_DIVS ? DL_OP_NDIVS : DL_OP_NDIVU, i->a, i->b, 0,
	     (int32_t)p->regs[i->c].value);
}

/* A narrow variable holds what its type holds. */
static void emit_narrow(struct plan *p, int32_t var, unsigned to, unsigned from)
{
	const struct dl_value_desc *d = &p->v->vars[var]->value;

	if (d->size > 0 && d->size < 8)
		emit(p, d->is_signed ? DL_OP_SX : DL_OP_ZX, to, from, 0, (int32_t)(8 * d->size));
	else if (to != from)
		emit(p, DL_OP_MOV, to, from, 0, 0);
}

static void see_store(struct plan *p, const struct dl_insn *i)
{
	const struct dl_value_desc *d = &p->v->vars[i->imm]->value;
	unsigned reg = i->a;

	want(p, reg);
	if (d->size > 0 && d->size < 8) {
		use_reg(p, ++reg); /* far has nothing there now */
		emit_narrow(p, i->imm, reg, i->a);
	}
	emit(p, DL_OP_NSELFS, reg, 0, 0, word_of(p->v, i->imm));
}

static void see_agg(struct plan *p, const struct dl_insn *i)
{
	const struct far_reg *incr = &p->regs[i->b];
	struct dl_near_plan *out = p->out;

	if (out->n_aggs == NEAR_AGGS_MAX || incr->has != LITERAL ||
	    (uint32_t)i->imm >= p->v->n_aggs || !p->v->aggs[i->imm]->func_known ||
	    !p->has_cell(p->arg, p->v->aggs[i->imm]->func)) {
		p->failed = true;
		return;
	}
	if (p->v->aggs[i->imm]->func != DL_AGG_COUNT)
		want(p, i->a);
	out->aggs[out->n_aggs].desc = p->v->aggs[i->imm];
	out->aggs[out->n_aggs].increment = (int64_t)incr->value;
	emit(p, DL_OP_NAGG, i->a < NEAR_REGS ? i->a : 0, 0, 0, (int32_t)out->n_aggs++);
}

/* In the predicate a jump to the end decides that there is no firing. */
static void see_jump(struct plan *p, uint32_t pc, const struct dl_insn *i)
{
	uint32_t target = jump_target(&p->c->far, pc), at;

	if (i->op != DL_OP_JMP)
		want(p, i->a);
	if (pc < p->body && target == p->c->far.n - 1) {
		if (i->op != DL_OP_JMP)
			emit(p, i->op == DL_OP_JZ ? DL_OP_JNZ : DL_OP_JZ, i->a, 0, 0, 1);
		emit(p, DL_OP_NREC, 0, 0, 0, 0);
		return;
	}
	at = emit(p, i->op, i->a, 0, 0, 0);
	p->to[at] = target + 1;
}

static uint64_t narrowed(uint64_t v, const struct dl_insn *i)
{
	unsigned shift = 64 - (unsigned)i->imm;

	if (i->imm < 1 || i->imm >= 64)
		return v;
	return i->op == DL_OP_SX ? (uint64_t)((int64_t)(v << shift) >> shift) : v << shift >> shift;
}

/* Of what is known it makes what is known. */
static bool see_narrowing(struct plan *p, uint32_t pc, const struct dl_insn *i)
{
	const struct far_reg *b = &p->regs[i->b];

	if (b->has == STEADY)
		put(p, pc, i->a, STEADY);
	else if (b->has == LITERAL)
		see_literal(p, pc, i->a, narrowed(b->value, i));
	return b->has == STEADY || b->has == LITERAL;
}

static void see_compute(struct plan *p, uint32_t pc, const struct dl_insn *i)
{
	bool has_c = i->op >= DL_OP_ADD && i->op <= DL_OP_LEU && i->op != DL_OP_ADDI &&
		     i->op != DL_OP_NEG && i->op != DL_OP_COM && i->op != DL_OP_LNOT &&
		     i->op != DL_OP_BOOL;

	if ((i->op == DL_OP_SX || i->op == DL_OP_ZX) && see_narrowing(p, pc, i))
		return;
	want(p, i->b);
	if (has_c)
		want(p, i->c);
	put(p, pc, i->a, COMPUTED);
	emit(p, i->op, i->a, i->b, has_c ? i->c : 0, i->imm);
}

static void see_builtin(struct plan *p, uint32_t pc, const struct dl_insn *i)
{
	if (i->imm == DL_BV_TIMESTAMP)
		see_time(p, pc, i->a);
	else
		put(p, pc, i->a, dl_near_is_steady(i->imm) ? STEADY : UNKNOWN);
}

static void see(struct plan *p, uint32_t pc)
{
	const struct dl_insn *i = &p->c->far.insns[pc];

	switch (i->op) {
	case DL_OP_NOP:
	case DL_OP_STMT:
	case DL_OP_TUP:
	case DL_OP_END: break;
	case DL_OP_LDI: see_literal(p, pc, i->a, (uint64_t)(int64_t)i->imm); break;
	case DL_OP_LDK: see_literal(p, pc, i->a, p->c->far.consts[i->imm]); break;
	case DL_OP_STR: put(p, pc, i->a, STEADY); break;
	case DL_OP_BVAR: see_builtin(p, pc, i); break;
	case DL_OP_IN:
		emit_input(p, i->imm, i->a);
		put(p, pc, i->a, COMPUTED);
		break;
	case DL_OP_LDV:
		if (word_of(p->v, i->imm) < 0)
			p->failed = true;
		put(p, pc, i->a, COMPUTED);
		emit(p, DL_OP_NSELF, i->a, 0, 0, word_of(p->v, i->imm));
		break;
	case DL_OP_STV:
		if (word_of(p->v, i->imm) < 0)
			p->failed = true;
		else
			see_store(p, i);
		break;
	case DL_OP_DIVS:
	case DL_OP_DIVU: see_division(p, pc, i); break;
	case DL_OP_JMP:
	case DL_OP_JZ:
	case DL_OP_JNZ: see_jump(p, pc, i); break;
	case DL_OP_TUPI:
	case DL_OP_TUPS:
		if (p->regs[i->a].has != STEADY && p->regs[i->a].has != LITERAL)
			p->failed = true;
		break;
	case DL_OP_AGG: see_agg(p, i); break;
	case DL_OP_MOV:
	case DL_OP_ADD ... DL_OP_ZX: see_compute(p, pc, i); break;
	default: p->failed = true;
	}
}

/* Translates far's instructions [from, end). */
static void translate(struct plan *p, uint32_t from, uint32_t end)
{
	uint32_t start = p->n;

	for (uint32_t pc = from; pc < end && !p->failed; pc++) {
		merge_at(p, pc, COMPUTED);
		p->at[pc] = p->n;
		see(p, pc);
	}
	p->at[end] = p->n;
	for (uint32_t k = start; k < p->n && !p->failed; k++)
		if (p->to[k])
			p->near[k].imm = (int32_t)(p->at[p->to[k] - 1] - k - 1);
}

/* ------------------------------------------------------------- the clause -- */

/* far's instruction behind the predicate: at the first statement. */
static uint32_t find_body(const struct dl_code *far)
{
	for (uint32_t pc = 0; pc < far->n; pc++)
		if (far->insns[pc].op == DL_OP_STMT && far->insns[pc].imm > 0)
			return pc;
	return far->n - 1;
}

static void look_ahead(struct plan *p, uint32_t end)
{
	const struct dl_code *far = &p->c->far;

	p->n_times = 0;
	p->has_jumps = false;
	for (uint32_t pc = 0; pc < end; pc++) {
		const struct dl_insn *i = &far->insns[pc];

		p->n_times += i->op == DL_OP_BVAR && i->imm == DL_BV_TIMESTAMP;
		p->has_jumps |=
			dl_op_jumps(i->op) && (pc >= p->body || jump_target(far, pc) < far->n - 1);
	}
}

/* Near's own predicate, and the time if it is needed twice. */
static void start(struct plan *p, uint32_t end)
{
	uint32_t n = behind_predicate(&p->c->near);

	p->n = p->n_regs = 0;
	p->failed = false;
	memset(p->regs, 0, sizeof(p->regs));
	look_ahead(p, end);
	for (uint32_t pc = 0; pc < n; pc++) {
		emit_moved(p, p->c->near.insns[pc], 0);
		if (near_may_fault(p, &p->c->near.insns[pc]) &&
		    p->c->near.insns[pc].op != DL_OP_NARG)
			p->failed = true;
	}
	if (p->n_times > 1 && !p->failed) {
		emit(p, DL_OP_NTIME, TIME_REG, 0, 0, 0);
		if (p->n_regs > TIME_REG)
			p->failed = true;
	}
}

/* What far does for a cell: it makes the key. */
static bool strip_far(struct plan *p)
{
	const struct dl_code *far = &p->c->far;

	for (uint32_t pc = 0; pc < far->n; pc++) {
		struct dl_insn *i = &p->out->far_insns[pc];

		*i = far->insns[pc];
		if (i->op == DL_OP_LDV)
			*i = (struct dl_insn){ .op = DL_OP_LDI, .a = i->a };
		else if (i->op == DL_OP_STV || dl_op_jumps(i->op))
			*i = (struct dl_insn){ .op = DL_OP_NOP };
	}
	return true;
}

static bool plan_cells(struct plan *p)
{
	uint32_t end = p->c->far.n - 1;

	if (p->c->records || p->c->n_actions)
		return false;
	p->out->n_aggs = 0;
	start(p, end);
	translate(p, 0, p->body);
	translate(p, p->body, end);
	emit(p, DL_OP_END, 0, 0, 0, 0);
	if (p->n_times > 1)
		p->n_regs = NEAR_REGS;
	p->n_slots = p->c->n_slots;
	return !p->failed && strip_far(p);
}

/* ----------------------------------------------------------- with a record -- */

static uint32_t add_node(struct plan *p, struct node n)
{
	if (p->n_nodes == NODES_MAX) {
		p->failed = true;
		return 0;
	}
	p->nodes[p->n_nodes] = n;
	return p->n_nodes++;
}

static void put_tree(struct plan *p, uint32_t pc, unsigned reg, struct node n)
{
	put(p, pc, reg, TREE);
	p->regs[reg].node = add_node(p, n);
}

static int32_t new_slot(struct plan *p)
{
	if (p->n_slots == NEAR_SLOTS_MAX) {
		p->failed = true;
		return 0;
	}
	return (int32_t)p->n_slots++;
}

/* reg = the value; the registers above it are free. */
static void emit_tree(struct plan *p, uint32_t at, unsigned reg)
{
	const struct node *n = &p->nodes[at];
	struct dl_insn i = n->insn;

	use_reg(p, reg);
	if (p->failed)
		return;
	switch (n->kind) {
	case N_LITERAL: emit_literal(p, reg, n->value); return;
	case N_SLOT: emit(p, DL_OP_NIN, reg, 0, 0, (int32_t)n->value); return;
	case N_OP: break;
	}
	emit_tree(p, n->left, reg);
	if (n->right != UINT32_MAX)
		emit_tree(p, n->right, reg + 1);
	emit(p, i.op, reg, reg, n->right != UINT32_MAX ? reg + 1 : 0, i.imm);
}

static void record_operation(struct plan *p, uint32_t pc, const struct dl_insn *i)
{
	const struct far_reg *b = &p->regs[i->b], *c = &p->regs[i->c];
	struct node n = { .kind = N_OP, .insn = *i, .left = b->node, .right = UINT32_MAX };
	bool has_c = true;

	switch (i->op) {
	case DL_OP_MOV: {
		struct far_reg copy = *b;

		copy.written = pc;
		p->regs[i->a] = copy;
		return;
	}
	case DL_OP_ADDI:
	case DL_OP_NEG:
	case DL_OP_COM:
	case DL_OP_LNOT:
	case DL_OP_BOOL:
	case DL_OP_SX:
	case DL_OP_ZX: has_c = false; break;
	default: n.right = c->node;
	}
	if (b->has == TREE && (!has_c || c->has == TREE))
		put_tree(p, pc, i->a, n);
	else
		put(p, pc, i->a, UNKNOWN);
}

static void record_division(struct plan *p, uint32_t pc, const struct dl_insn *i)
{
	const struct far_reg *by = &p->regs[i->c];
	bool is_safe = by->has == TREE && p->nodes[by->node].kind == N_LITERAL &&
		       p->nodes[by->node].value != 0;

	if (!is_safe)
		p->may_have_ended = true;
	if (is_safe && p->regs[i->b].has == TREE && p->nodes[by->node].value <= INT32_MAX &&
	    (i->op == DL_OP_DIVS || i->op == DL_OP_DIVU)) {
		struct node n = { .kind = N_OP, .left = p->regs[i->b].node, .right = UINT32_MAX };

		n.insn = (struct dl_insn){ .op = i->op == DL_OP_DIVS ? DL_OP_NDIVS : DL_OP_NDIVU,
					   .imm = (int32_t)p->nodes[by->node].value };
		put_tree(p, pc, i->a, n);
		return;
	}
	put(p, pc, i->a, UNKNOWN);
}

/* far reads a near variable: the record has what it holds. */
static void record_load(struct plan *p, uint32_t pc, struct dl_insn *i)
{
	int32_t slot = p->value_slot[i->imm];

	if (slot < 0) {
		slot = p->value_slot[i->imm] = new_slot(p);
		use_reg(p, 0);
		emit(p, DL_OP_NSELF, 0, 0, 0, word_of(p->v, i->imm));
		emit(p, DL_OP_NSLOT, 0, 0, 0, slot);
	}
	put_tree(p, pc, i->a, (struct node){ .kind = N_SLOT, .value = (uint64_t)slot });
	*i = (struct dl_insn){ .op = DL_OP_IN, .a = i->a, .imm = slot };
}

static void record_store(struct plan *p, struct dl_insn *i, bool is_conditional)
{
	const struct far_reg *r = &p->regs[i->a];

	if (is_conditional || p->may_have_ended || r->has != TREE) {
		p->failed = true;
		return;
	}
	emit_tree(p, r->node, 0);
	emit_narrow(p, i->imm, 0, 0);
	emit(p, DL_OP_NSELFS, 0, 0, 0, word_of(p->v, i->imm));
	p->value_slot[i->imm] = -1;
	*i = (struct dl_insn){ .op = DL_OP_NOP };
}

static void record_time(struct plan *p, uint32_t pc, struct dl_insn *i)
{
	if (p->time_slot < 0) {
		p->time_slot = new_slot(p);
		if (p->n_times < 2) {
			use_reg(p, 0);
			emit(p, DL_OP_NTIME, 0, 0, 0, 0);
		}
		emit(p, DL_OP_NSLOT, p->n_times < 2 ? 0 : TIME_REG, 0, 0, p->time_slot);
	}
	put_tree(p, pc, i->a, (struct node){ .kind = N_SLOT, .value = (uint64_t)p->time_slot });
	*i = (struct dl_insn){ .op = DL_OP_IN, .a = i->a, .imm = p->time_slot };
}

static void record_input(struct plan *p, uint32_t pc, const struct dl_insn *i)
{
	if (i->op != DL_OP_IN || slot_may_fault(p, i->imm)) {
		p->may_have_ended = true;
		put(p, pc, i->a, UNKNOWN);
		return;
	}
	put_tree(p, pc, i->a, (struct node){ .kind = N_SLOT, .value = (uint64_t)i->imm });
}

/* Instructions that neither fault nor end the clause; those of the second kind write a. */
static bool is_safe(uint8_t op, bool *writes)
{
	*writes = false;
	switch (op) {
	case DL_OP_NOP:
	case DL_OP_END:
	case DL_OP_STMT:
	case DL_OP_TUP:
	case DL_OP_TUPI:
	case DL_OP_TUPS:
	case DL_OP_TUPY:
	case DL_OP_TRB:
	case DL_OP_TRI:
	case DL_OP_TRS:
	case DL_OP_TRY:
	case DL_OP_TRE:
	case DL_OP_AGG:
	case DL_OP_STV:
	case DL_OP_JMP:
	case DL_OP_JZ:
	case DL_OP_JNZ: return true;
	case DL_OP_STR:
	case DL_OP_BVAR:
	case DL_OP_LDV:
	case DL_OP_FADD ... DL_OP_F2I: *writes = true; return true;
	default: *writes = true; return false;
	}
}

static void record_see(struct plan *p, uint32_t pc, bool is_conditional)
{
	struct dl_insn *i = &p->out->far_insns[pc];
	bool is_near = (i->op == DL_OP_LDV || i->op == DL_OP_STV) && word_of(p->v, i->imm) >= 0;
	bool writes;

	if (is_near && i->op == DL_OP_LDV) {
		record_load(p, pc, i);
	} else if (is_near) {
		record_store(p, i, is_conditional);
	} else if (i->op == DL_OP_LDI) {
		put_tree(p, pc, i->a,
			 (struct node){ .kind = N_LITERAL, .value = (uint64_t)(int64_t)i->imm });
	} else if (i->op == DL_OP_LDK) {
		put_tree(p, pc, i->a,
			 (struct node){ .kind = N_LITERAL, .value = p->c->far.consts[i->imm] });
	} else if (i->op == DL_OP_BVAR && i->imm == DL_BV_TIMESTAMP) {
		record_time(p, pc, i);
	} else if (i->op == DL_OP_IN || i->op == DL_OP_INP || i->op == DL_OP_INLEN) {
		record_input(p, pc, i);
	} else if (i->op >= DL_OP_MOV && i->op <= DL_OP_ZX) {
		record_operation(p, pc, i);
	} else if (i->op >= DL_OP_DIVS && i->op <= DL_OP_MODU) {
		record_division(p, pc, i);
	} else {
		p->may_have_ended |= !is_safe(i->op, &writes);
		if (writes)
			put(p, pc, i->a, UNKNOWN);
	}
}

/* The near program up to its END, behind its predicate: the clause's own slots. */
static void copy_slots(struct plan *p)
{
	const struct dl_code *near = &p->c->near;

	for (uint32_t pc = behind_predicate(near); pc < near->n - 1; pc++)
		emit_moved(p, near->insns[pc], 0);
}

static bool plan_record(struct plan *p)
{
	const struct dl_code *far = &p->c->far;
	uint32_t reach = 0;

	start(p, far->n - 1);
	translate(p, 0, p->body);
	copy_slots(p);
	if (p->failed)
		return false;
	memset(p->regs, 0, sizeof(p->regs));
	p->n_slots = p->c->n_slots;
	p->n_nodes = 0;
	p->time_slot = -1;
	p->may_have_ended = false;
	for (uint32_t k = 0; k < p->v->n; k++)
		p->value_slot[k] = -1;
	for (uint32_t pc = 0; pc < far->n && !p->failed; pc++) {
		p->out->far_insns[pc] = far->insns[pc];
		if (pc < p->body) { /* near has decided */
			if (far->insns[pc].op != DL_OP_STMT)
				p->out->far_insns[pc] = (struct dl_insn){ .op = DL_OP_NOP };
			continue;
		}
		merge_at(p, pc, UNKNOWN);
		if (dl_op_jumps(far->insns[pc].op) && jump_target(far, pc) > reach)
			reach = jump_target(far, pc);
		record_see(p, pc, reach > pc);
	}
	emit(p, DL_OP_END, 0, 0, 0, 0);
	if (p->n_times > 1)
		p->n_regs = NEAR_REGS;
	return !p->failed;
}

/* ------------------------------------------------------------------ plans -- */

static bool finish(struct plan *p, bool has_record)
{
	struct dl_near_plan *out = p->out;

	out->near_insns = malloc(sizeof(*out->near_insns) * (p->n + 1));
	if (!out->near_insns)
		return false;
	memcpy(out->near_insns, p->near, sizeof(*out->near_insns) * p->n);
	out->consts = p->consts;
	p->consts = NULL;
	out->has_record = has_record;
	out->clause = *p->c;
	out->clause.near = (struct dl_code){ .insns = out->near_insns,
					     .n = p->n,
					     .consts = out->consts,
					     .n_consts = p->n_consts,
					     .n_regs = p->n_regs ? p->n_regs : 1 };
	out->clause.far.insns = out->far_insns;
	out->clause.n_slots = p->n_slots;
	return !dl_verify(&out->clause.near, true, has_record ? p->n_slots : 0, 0, 0, 0, 0);
}

bool dl_near_plan(const struct dl_clause *c, const struct dl_near_vars *v,
		  dl_near_cell_fn *has_cell, void *arg, struct dl_near_plan *ret)
{
	struct plan *p = calloc(1, sizeof(*p));
	bool ok = false;

	memset(ret, 0, sizeof(*ret));
	if (!p)
		return false;
	*p = (struct plan){ .c = c, .v = v, .has_cell = has_cell, .arg = arg, .out = ret };
	p->body = find_body(&c->far);
	p->at = calloc(c->far.n + 1, sizeof(*p->at));
	p->value_slot = calloc(v->n + 1, sizeof(*p->value_slot));
	ret->far_insns = calloc(c->far.n + 1, sizeof(*ret->far_insns));
	if (p->at && p->value_slot && ret->far_insns && !c->needs_stop) {
		ok = plan_cells(p) && finish(p, false);
		if (!ok)
			ok = plan_record(p) && finish(p, true);
	}
	free(p->at);
	free(p->value_slot);
	free(p->consts);
	free(p);
	if (!ok)
		dl_near_plan_deinit(ret);
	return ok;
}

void dl_near_plan_deinit(struct dl_near_plan *p)
{
	free(p->near_insns);
	free(p->far_insns);
	free(p->consts);
	memset(p, 0, sizeof(*p));
}

/*
 * Plans with a record (near_self.h): the predicate and all assignments in the
 * thread; behind the clause's own slots come the time and the values of near
 * variables that far reads, in far's order.
 *
 * Rule: what is assigned is computed from slots, which have what far would have
 * had at that place.
 */
#include "near_plan.h"

#include <string.h>

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
	np_put(p, pc, reg, TREE);
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

	np_use_reg(p, reg);
	if (p->failed)
		return;
	switch (n->kind) {
	case N_LITERAL: np_emit_literal(p, reg, n->value); return;
	case N_SLOT: np_emit(p, DL_OP_NIN, reg, 0, 0, (int32_t)n->value); return;
	case N_OP: break;
	}
	emit_tree(p, n->left, reg);
	if (n->right != UINT32_MAX)
		emit_tree(p, n->right, reg + 1);
	np_emit(p, i.op, reg, reg, n->right != UINT32_MAX ? reg + 1 : 0, i.imm);
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
		np_put(p, pc, i->a, UNKNOWN);
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
	np_put(p, pc, i->a, UNKNOWN);
}

/* far reads a near variable: the record has what it holds. */
static void record_load(struct plan *p, uint32_t pc, struct dl_insn *i)
{
	int32_t slot = p->value_slot[i->imm];

	if (slot < 0) {
		slot = p->value_slot[i->imm] = new_slot(p);
		np_use_reg(p, 0);
		np_emit(p, DL_OP_NSELF, 0, 0, 0, np_word_of(p->v, i->imm));
		np_emit(p, DL_OP_NSLOT, 0, 0, 0, slot);
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
	np_emit_narrow(p, i->imm, 0, 0);
	np_emit(p, DL_OP_NSELFS, 0, 0, 0, np_word_of(p->v, i->imm));
	p->value_slot[i->imm] = -1;
	*i = (struct dl_insn){ .op = DL_OP_NOP };
}

static void record_time(struct plan *p, uint32_t pc, struct dl_insn *i)
{
	if (p->time_slot < 0) {
		p->time_slot = new_slot(p);
		if (p->n_times < 2) {
			np_use_reg(p, 0);
			np_emit(p, DL_OP_NTIME, 0, 0, 0, 0);
		}
		np_emit(p, DL_OP_NSLOT, p->n_times < 2 ? 0 : TIME_REG, 0, 0, p->time_slot);
	}
	put_tree(p, pc, i->a, (struct node){ .kind = N_SLOT, .value = (uint64_t)p->time_slot });
	*i = (struct dl_insn){ .op = DL_OP_IN, .a = i->a, .imm = p->time_slot };
}

static void record_input(struct plan *p, uint32_t pc, const struct dl_insn *i)
{
	if (i->op != DL_OP_IN || np_slot_may_fault(p, i->imm)) {
		p->may_have_ended = true;
		np_put(p, pc, i->a, UNKNOWN);
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
	bool is_near = (i->op == DL_OP_LDV || i->op == DL_OP_STV) && np_word_of(p->v, i->imm) >= 0;
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
			np_put(p, pc, i->a, UNKNOWN);
	}
}

/* The near program up to its END, behind its predicate: the clause's own slots. */
static void copy_slots(struct plan *p)
{
	const struct dl_code *near = &p->c->near;

	for (uint32_t pc = np_behind_predicate(near); pc < near->n - 1; pc++)
		np_emit_moved(p, near->insns[pc], 0);
}

bool np_record(struct plan *p)
{
	const struct dl_code *far = &p->c->far;
	uint32_t reach = 0;

	np_start(p, far->n - 1);
	np_translate(p, 0, p->body);
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
		np_merge_at(p, pc, UNKNOWN);
		if (dl_op_jumps(far->insns[pc].op) && np_jump_target(far, pc) > reach)
			reach = np_jump_target(far, pc);
		record_see(p, pc, reach > pc);
	}
	np_emit(p, DL_OP_END, 0, 0, 0, 0);
	if (p->n_times > 1)
		p->n_regs = NEAR_REGS;
	return !p->failed;
}

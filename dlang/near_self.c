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
#include "near_plan.h"

#include <stdlib.h>
#include <string.h>

#include "codegen.h"

uint32_t np_jump_target(const struct dl_code *code, uint32_t pc)
{
	return pc + 1 + (uint32_t)code->insns[pc].imm;
}

int32_t np_word_of(const struct dl_near_vars *v, int32_t var)
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
		    np_word_of(v, i->imm) >= 0)
			return true;
	}
	return false;
}

/* -------------------------------------------------------------- emitting -- */

void np_use_reg(struct plan *p, unsigned reg)
{
	if (reg >= NEAR_REGS || (p->n_times > 1 && reg == TIME_REG))
		p->failed = true;
	else if (reg >= p->n_regs)
		p->n_regs = reg + 1;
}

uint32_t np_emit(struct plan *p, uint8_t op, unsigned a, unsigned b, unsigned c, int32_t imm)
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

void np_emit_literal(struct plan *p, unsigned reg, uint64_t v)
{
	np_use_reg(p, reg);
	if ((int64_t)v == (int32_t)v)
		np_emit(p, DL_OP_LDI, reg, 0, 0, (int32_t)v);
	else
		np_emit(p, DL_OP_LDK, reg, 0, 0, add_const(p, v));
}

void np_emit_moved(struct plan *p, struct dl_insn i, unsigned by)
{
	if (i.op == DL_OP_LDK)
		i.imm = add_const(p, p->c->near.consts[i.imm]);
	if (i.op != DL_OP_NLD)
		i.c = (uint8_t)(i.c + by);
	i.a = (uint8_t)(i.a + by);
	i.b = (uint8_t)(i.b + by);
	if (!dl_op_jumps(i.op) && i.op != DL_OP_NREC)
		np_use_reg(p, i.a);
	np_emit(p, i.op, i.a, i.b, i.c, i.imm);
}

/* ---------------------------------------------------------- near's parts -- */

uint32_t np_behind_predicate(const struct dl_code *near)
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
	*from = np_behind_predicate(near);
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

bool np_slot_may_fault(const struct plan *p, int32_t slot)
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

	np_use_reg(p, reg);
	if (np_slot_may_fault(p, slot) || !find_slot(near, slot, &from, &to)) {
		p->failed = true;
		return;
	}
	for (uint32_t pc = from; pc < to; pc++)
		np_emit_moved(p, near->insns[pc], reg);
	if (near->insns[to].a != 0)
		np_emit(p, DL_OP_MOV, reg, reg + near->insns[to].a, 0, 0);
}

/* --------------------------------------------- far, instruction by instruction -- */

void np_put(struct plan *p, uint32_t pc, unsigned reg, enum content has)
{
	p->regs[reg] = (struct far_reg){ .has = has, .is_there = true, .written = pc };
	if (has == COMPUTED)
		np_use_reg(p, reg);
}

void np_merge_at(struct plan *p, uint32_t pc, enum content becomes)
{
	const struct dl_code *far = &p->c->far;
	uint32_t first = pc;

	for (uint32_t j = 0; j < pc; j++)
		if (dl_op_jumps(far->insns[j].op) && np_jump_target(far, j) == pc && j < first)
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
		np_emit_literal(p, reg, r->value);
		r->is_there = true;
	} else if (r->has != LITERAL && r->has != COMPUTED) {
		p->failed = true;
	}
}

static void see_literal(struct plan *p, uint32_t pc, unsigned reg, uint64_t v)
{
	np_put(p, pc, reg, LITERAL);
	p->regs[reg].value = v;
	p->regs[reg].is_there = p->has_jumps;
	if (p->has_jumps)
		np_emit_literal(p, reg, v);
}

static void see_time(struct plan *p, uint32_t pc, unsigned reg)
{
	np_put(p, pc, reg, COMPUTED);
	if (p->n_times > 1)
		np_emit(p, DL_OP_MOV, reg, TIME_REG, 0, 0);
	else
		np_emit(p, DL_OP_NTIME, reg, 0, 0, 0);
}

static void see_division(struct plan *p, uint32_t pc, const struct dl_insn *i)
{
	const struct far_reg *by = &p->regs[i->c];

	if (by->has != LITERAL || by->value == 0 || by->value > INT32_MAX) {
		p->failed = true;
		return;
	}
	want(p, i->b);
	np_put(p, pc, i->a, COMPUTED);
	np_emit(p, i->op == DL_OP_DIVS ? DL_OP_NDIVS : DL_OP_NDIVU, i->a, i->b, 0,
		(int32_t)p->regs[i->c].value);
}

void np_emit_narrow(struct plan *p, int32_t var, unsigned to, unsigned from)
{
	const struct dl_value_desc *d = &p->v->vars[var]->value;

	if (d->size > 0 && d->size < 8)
		np_emit(p, d->is_signed ? DL_OP_SX : DL_OP_ZX, to, from, 0, (int32_t)(8 * d->size));
	else if (to != from)
		np_emit(p, DL_OP_MOV, to, from, 0, 0);
}

static void see_store(struct plan *p, const struct dl_insn *i)
{
	const struct dl_value_desc *d = &p->v->vars[i->imm]->value;
	unsigned reg = i->a;

	want(p, reg);
	if (d->size > 0 && d->size < 8) {
		np_use_reg(p, ++reg); /* far has nothing there now */
		np_emit_narrow(p, i->imm, reg, i->a);
	}
	np_emit(p, DL_OP_NSELFS, reg, 0, 0, np_word_of(p->v, i->imm));
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
	np_emit(p, DL_OP_NAGG, i->a < NEAR_REGS ? i->a : 0, 0, 0, (int32_t)out->n_aggs++);
}

/* In the predicate a jump to the end decides that there is no firing. */
static void see_jump(struct plan *p, uint32_t pc, const struct dl_insn *i)
{
	uint32_t target = np_jump_target(&p->c->far, pc), at;

	if (i->op != DL_OP_JMP)
		want(p, i->a);
	if (pc < p->body && target == p->c->far.n - 1) {
		if (i->op != DL_OP_JMP)
			np_emit(p, i->op == DL_OP_JZ ? DL_OP_JNZ : DL_OP_JZ, i->a, 0, 0, 1);
		np_emit(p, DL_OP_NREC, 0, 0, 0, 0);
		return;
	}
	at = np_emit(p, i->op, i->a, 0, 0, 0);
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
		np_put(p, pc, i->a, STEADY);
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
	np_put(p, pc, i->a, COMPUTED);
	np_emit(p, i->op, i->a, i->b, has_c ? i->c : 0, i->imm);
}

static void see_builtin(struct plan *p, uint32_t pc, const struct dl_insn *i)
{
	if (i->imm == DL_BV_TIMESTAMP)
		see_time(p, pc, i->a);
	else
		np_put(p, pc, i->a, dl_near_is_steady(i->imm) ? STEADY : UNKNOWN);
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
	case DL_OP_STR: np_put(p, pc, i->a, STEADY); break;
	case DL_OP_BVAR: see_builtin(p, pc, i); break;
	case DL_OP_IN:
		emit_input(p, i->imm, i->a);
		np_put(p, pc, i->a, COMPUTED);
		break;
	case DL_OP_LDV:
		if (np_word_of(p->v, i->imm) < 0)
			p->failed = true;
		np_put(p, pc, i->a, COMPUTED);
		np_emit(p, DL_OP_NSELF, i->a, 0, 0, np_word_of(p->v, i->imm));
		break;
	case DL_OP_STV:
		if (np_word_of(p->v, i->imm) < 0)
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
void np_translate(struct plan *p, uint32_t from, uint32_t end)
{
	uint32_t start = p->n;

	for (uint32_t pc = from; pc < end && !p->failed; pc++) {
		np_merge_at(p, pc, COMPUTED);
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
		p->has_jumps |= dl_op_jumps(i->op) &&
				(pc >= p->body || np_jump_target(far, pc) < far->n - 1);
	}
}

void np_start(struct plan *p, uint32_t end)
{
	uint32_t n = np_behind_predicate(&p->c->near);

	p->n = p->n_regs = 0;
	p->failed = false;
	memset(p->regs, 0, sizeof(p->regs));
	look_ahead(p, end);
	for (uint32_t pc = 0; pc < n; pc++) {
		np_emit_moved(p, p->c->near.insns[pc], 0);
		if (near_may_fault(p, &p->c->near.insns[pc]) &&
		    p->c->near.insns[pc].op != DL_OP_NARG)
			p->failed = true;
	}
	if (p->n_times > 1 && !p->failed) {
		np_emit(p, DL_OP_NTIME, TIME_REG, 0, 0, 0);
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
	np_start(p, end);
	np_translate(p, 0, p->body);
	np_translate(p, p->body, end);
	np_emit(p, DL_OP_END, 0, 0, 0, 0);
	if (p->n_times > 1)
		p->n_regs = NEAR_REGS;
	p->n_slots = p->c->n_slots;
	return !p->failed && strip_far(p);
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
		ok = !c->wants_stack && plan_cells(p) && finish(p, false);
		if (!ok)
			ok = np_record(p) && finish(p, true);
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

/*
 * Recognizing clauses that only aggregate (near_agg.h).
 *
 * far is walked once, straight: it may build tuples of constants and of what is
 * the same for all firings of the thread, and aggregate inputs or constants.
 * Anything else, and the clause leaves records as all others do.
 *
 * A cell's program is near up to where the value's slot is closed, without the
 * slots: the register that closed it has the value.  Narrowing that far does
 * to the value is appended.
 */
#include "near_agg.h"

#include <stdlib.h>
#include <string.h>

#define FAR_REGS 256
#define NARROW_MAX 4

enum content { UNKNOWN, FIXED, LITERAL, INPUT };

/* A register of far. */
struct far_reg {
	enum content has;
	int64_t value; /* LITERAL */
	int32_t slot; /* INPUT */
	struct dl_insn narrow[NARROW_MAX]; /* what has been done to the input */
	unsigned n_narrow;
};

struct found {
	uint32_t agg;
	int64_t increment;
	struct far_reg value;
};

struct walk {
	const struct dl_code *far;
	struct far_reg regs[FAR_REGS];
	struct found found[NEAR_AGGS_MAX];
	uint32_t n;
};

bool dl_near_is_steady(int32_t bvar)
{
	switch (bvar) {
	case DL_BV_PID:
	case DL_BV_TID:
	case DL_BV_PROBEPROV:
	case DL_BV_PROBEMOD:
	case DL_BV_PROBEFUNC:
	case DL_BV_PROBENAME:
	case DL_BV_ID:
	case DL_BV_EPID: return true;
	default: return false;
	}
}

static void set(struct walk *w, uint8_t reg, enum content has, int32_t imm)
{
	w->regs[reg] = (struct far_reg){ .has = has, .value = imm, .slot = imm };
}

static bool see_narrowing(struct walk *w, const struct dl_insn *i)
{
	struct far_reg r = w->regs[i->b];

	if (r.has == INPUT) {
		if (r.n_narrow == NARROW_MAX)
			return false;
		r.narrow[r.n_narrow++] = *i;
	} else if (r.has == LITERAL) {
		r.has = FIXED;
	}
	w->regs[i->a] = r;
	return r.has != UNKNOWN;
}

static bool see_aggregate(struct walk *w, const struct dl_insn *i)
{
	const struct far_reg *value = &w->regs[i->a], *increment = &w->regs[i->b];

	if (w->n == NEAR_AGGS_MAX || increment->has != LITERAL ||
	    (value->has != LITERAL && value->has != INPUT))
		return false;
	w->found[w->n++] = (struct found){ (uint32_t)i->imm, increment->value, *value };
	return true;
}

static bool see(struct walk *w, const struct dl_insn *i)
{
	switch (i->op) {
	case DL_OP_NOP:
	case DL_OP_STMT:
	case DL_OP_TUP: return true;
	case DL_OP_LDI: set(w, i->a, LITERAL, i->imm); return true;
	case DL_OP_LDK:
	case DL_OP_STR: set(w, i->a, FIXED, 0); return true;
	case DL_OP_BVAR: set(w, i->a, FIXED, 0); return dl_near_is_steady(i->imm);
	case DL_OP_IN: set(w, i->a, INPUT, i->imm); return true;
	case DL_OP_SX:
	case DL_OP_ZX: return see_narrowing(w, i);
	case DL_OP_TUPI:
	case DL_OP_TUPS: return w->regs[i->a].has == FIXED || w->regs[i->a].has == LITERAL;
	case DL_OP_AGG: return see_aggregate(w, i);
	default: return false;
	}
}

static bool walk_far(struct walk *w)
{
	for (uint32_t pc = 0; pc < w->far->n; pc++) {
		if (w->far->insns[pc].op == DL_OP_END)
			return w->n && pc + 1 == w->far->n;
		if (!see(w, &w->far->insns[pc]))
			return false;
	}
	return false;
}

/* Where near closes the slot, which nothing jumps past; -1: not as it must be. */
static int64_t find_slot(const struct dl_code *near, int32_t slot)
{
	uint32_t reach = 0;

	for (uint32_t pc = 0; pc < near->n; pc++) {
		const struct dl_insn *i = &near->insns[pc];

		if (dl_op_jumps(i->op) && pc + 1 + (uint32_t)i->imm > reach)
			reach = pc + 1 + (uint32_t)i->imm;
		if (i->op == DL_OP_NSLOT && i->imm == slot)
			return reach <= pc ? (int64_t)pc : -1;
	}
	return -1;
}

/* Where it has decided; without any slot that is its end. */
static int64_t find_decision(const struct dl_code *near)
{
	for (uint32_t pc = near->n; pc-- > 0;)
		if (near->insns[pc].op == DL_OP_NREC)
			return (int64_t)pc + 1;
	return 0;
}

static bool captures(const struct dl_code *near)
{
	for (uint32_t pc = 0; pc < near->n; pc++)
		if (dl_op_captures(near->insns[pc].op))
			return true;
	return !near->n || near->insns[near->n - 1].op != DL_OP_END;
}

static void append(struct dl_near_agg *a, uint32_t *n, struct dl_insn i)
{
	a->insns[(*n)++] = i;
}

static bool make_code(const struct dl_code *near, const struct found *f, struct dl_near_agg *a)
{
	bool is_input = f->value.has == INPUT;
	int64_t end = is_input ? find_slot(near, f->value.slot) : find_decision(near);
	uint32_t n = 0;

	if (end < 0)
		return false;
	a->insns = calloc((size_t)end + NARROW_MAX + 2, sizeof(*a->insns));
	if (!a->insns)
		return false;
	for (; n < (uint32_t)end; n++) {
		a->insns[n] = near->insns[n];
		if (a->insns[n].op == DL_OP_NSLOT)
			a->insns[n] = (struct dl_insn){ .op = DL_OP_NOP };
	}
	if (is_input) {
		a->value_reg = near->insns[end].a;
		for (unsigned k = 0; k < f->value.n_narrow; k++) {
			struct dl_insn i = f->value.narrow[k];

			i.a = i.b = a->value_reg;
			append(a, &n, i);
		}
	} else if (a->desc->func != DL_AGG_COUNT) {
		append(a, &n, (struct dl_insn){ DL_OP_LDI, 0, 0, 0, (int32_t)f->value.value });
	}
	append(a, &n, (struct dl_insn){ .op = DL_OP_END });
	a->code = *near;
	a->code.insns = a->insns;
	a->code.n = n > 1 ? n : 0;
	if (!a->code.n_regs)
		a->code.n_regs = 1;
	return true;
}

static bool has_cells(enum dl_aggfunc f)
{
	return f != DL_AGG_STDDEV && f != DL_AGG_LLQUANTIZE;
}

bool dl_near_aggs_find(const struct dl_clause *c, const struct dl_aggdesc *const *aggs,
		       uint32_t n_aggs, struct dl_near_aggs *ret)
{
	struct walk w = { .far = &c->far };
	bool ok = !c->needs_stop && !c->records && !c->n_actions && !captures(&c->near) &&
		  walk_far(&w);

	memset(ret, 0, sizeof(*ret));
	for (uint32_t k = 0; ok && k < w.n; k++) {
		const struct found *f = &w.found[k];
		struct dl_near_agg *a = &ret->list[ret->n++];

		ok = f->agg < n_aggs && aggs[f->agg]->func_known && has_cells(aggs[f->agg]->func);
		if (!ok)
			break;
		a->desc = aggs[f->agg];
		a->increment = f->increment;
		ok = make_code(&c->near, f, a);
	}
	if (!ok)
		dl_near_aggs_deinit(ret);
	return ok;
}

void dl_near_aggs_deinit(struct dl_near_aggs *a)
{
	for (uint32_t i = 0; i < a->n; i++)
		free(a->list[i].insns);
	memset(a, 0, sizeof(*a));
}

/*
 * Recognizing clauses that only aggregate (near_agg.h).
 *
 * far is walked once, straight: it may build tuples of constants and of what is
 * the same for all firings of the thread, and aggregate inputs or constants.
 * Anything else, and the clause leaves records as all others do.  One integer in a
 * key may be an input: then there are cells for its values.
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
#define KEY_REG (NEAR_REGS - 1)
#define VALUE_REG (NEAR_REGS - 2) /* of aggregations with a key */

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
	bool has_key;
	struct far_reg key;
};

struct walk {
	const struct dl_code *far;
	struct far_reg regs[FAR_REGS];
	bool has_key; /* the tuple at hand has a component that varies */
	struct far_reg key;
	struct found found[NEAR_AGGS_MAX];
	uint32_t n;
};

bool dl_near_is_steady(int32_t bvar)
{
	switch (bvar) {
	case DL_BV_PID:
	case DL_BV_TID:
	case DL_BV_EXECNAME: /* the tracer looks whether it changes */
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
	w->found[w->n++] =
		(struct found){ (uint32_t)i->imm, increment->value, *value, w->has_key, w->key };
	return true;
}

static bool see_key(struct walk *w, const struct dl_insn *i)
{
	const struct far_reg *r = &w->regs[i->a];

	if (r->has == FIXED || r->has == LITERAL)
		return true;
	if (r->has != INPUT || w->has_key || i->op != DL_OP_TUPI)
		return false;
	w->has_key = true;
	w->key = *r;
	return true;
}

static bool see(struct walk *w, const struct dl_insn *i)
{
	switch (i->op) {
	case DL_OP_NOP:
	case DL_OP_STMT: return true;
	case DL_OP_TUP: w->has_key = false; return true;
	case DL_OP_LDI: set(w, i->a, LITERAL, i->imm); return true;
	case DL_OP_LDK:
	case DL_OP_STR: set(w, i->a, FIXED, 0); return true;
	case DL_OP_BVAR: set(w, i->a, FIXED, 0); return dl_near_is_steady(i->imm);
	case DL_OP_IN: set(w, i->a, INPUT, i->imm); return true;
	case DL_OP_SX:
	case DL_OP_ZX: return see_narrowing(w, i);
	case DL_OP_TUPI:
	case DL_OP_TUPS: return see_key(w, i);
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

/* What far takes from slots: the value (or -1) and the key. */
struct taken {
	int64_t value_at, key_at; /* where near closes them; -1: nothing is taken */
	uint32_t end; /* behind what is needed of near */
};

static bool find_taken(const struct dl_code *near, const struct found *f, struct taken *ret)
{
	*ret = (struct taken){ .value_at = -1, .key_at = -1, .end = (uint32_t)find_decision(near) };
	if (f->value.has == INPUT) {
		ret->value_at = find_slot(near, f->value.slot);
		if (ret->value_at < 0)
			return false;
	}
	if (f->has_key) {
		ret->key_at = find_slot(near, f->key.slot);
		/* Its registers are above those of near's own. */
		if (ret->key_at < 0 || near->n_regs > VALUE_REG)
			return false;
	}
	if (ret->value_at >= ret->end)
		ret->end = (uint32_t)ret->value_at + 1;
	if (ret->key_at >= ret->end)
		ret->end = (uint32_t)ret->key_at + 1;
	return true;
}

static void append(struct dl_near_agg *a, uint32_t *n, struct dl_insn i)
{
	a->insns[(*n)++] = i;
}

/* to = the register that closes the slot, and what far does to it. */
static void append_taken(struct dl_near_agg *a, uint32_t *n, uint8_t to, uint8_t from,
			 const struct far_reg *r)
{
	if (to != from)
		append(a, n, (struct dl_insn){ .op = DL_OP_MOV, .a = to, .b = from });
	for (unsigned k = 0; k < r->n_narrow; k++) {
		struct dl_insn i = r->narrow[k];

		i.a = i.b = to;
		append(a, n, i);
	}
}

/* No jump passes where a slot is closed, so more instructions there do no harm. */
static bool make_code(const struct dl_code *near, const struct found *f, struct dl_near_agg *a)
{
	struct taken t;
	uint32_t n = 0;

	if (!find_taken(near, f, &t))
		return false;
	a->insns = calloc((size_t)t.end + 2 * (NARROW_MAX + 1) + 2, sizeof(*a->insns));
	if (!a->insns)
		return false;
	a->has_key = f->has_key;
	a->key_reg = KEY_REG;
	a->key_slot = f->has_key ? f->key.slot : -1;
	for (uint32_t pc = 0; pc < t.end; pc++) {
		struct dl_insn i = near->insns[pc];

		if (i.op != DL_OP_NSLOT) {
			append(a, &n, i);
			continue;
		}
		if (pc != t.key_at && pc != t.value_at)
			append(a, &n, (struct dl_insn){ .op = DL_OP_NOP });
		if (pc == t.key_at)
			append_taken(a, &n, KEY_REG, i.a, &f->key);
		if (pc == t.value_at) {
			a->value_reg = f->has_key ? VALUE_REG : i.a;
			append_taken(a, &n, a->value_reg, i.a, &f->value);
		}
	}
	if (f->value.has != INPUT && a->desc->func != DL_AGG_COUNT) {
		a->value_reg = f->has_key ? VALUE_REG : 0;
		append(a, &n,
		       (struct dl_insn){ DL_OP_LDI, a->value_reg, 0, 0, (int32_t)f->value.value });
	}
	append(a, &n, (struct dl_insn){ .op = DL_OP_END });
	a->code = *near;
	a->code.insns = a->insns;
	a->code.n = n > 1 ? n : 0;
	if (!a->code.n_regs)
		a->code.n_regs = 1;
	if (f->has_key)
		a->code.n_regs = NEAR_REGS;
	return true;
}

/* There is one for each key. */
static bool has_small_cells(enum dl_aggfunc f)
{
	return f == DL_AGG_COUNT || f == DL_AGG_SUM || f == DL_AGG_AVG || f == DL_AGG_MIN ||
	       f == DL_AGG_MAX;
}

bool dl_near_aggs_find(const struct dl_clause *c, const struct dl_aggdesc *const *aggs,
		       uint32_t n_aggs, struct dl_near_aggs *ret)
{
	struct walk w = { .far = &c->far };
	bool ok = !c->needs_stop && !c->wants_stack && !c->records && !c->n_actions &&
		  !captures(&c->near) && walk_far(&w);

	memset(ret, 0, sizeof(*ret));
	for (uint32_t k = 0; ok && k < w.n; k++) {
		const struct found *f = &w.found[k];
		struct dl_near_agg *a = &ret->list[ret->n++];

		ok = f->agg < n_aggs && aggs[f->agg]->func_known &&
		     (!f->has_key || (w.n == 1 && has_small_cells(aggs[f->agg]->func)));
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

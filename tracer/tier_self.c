/*
 * Which self-> variables are words of the threads' rings.
 *
 * A variable is, if every clause that uses it can be done in the thread, or
 * fires only while the thread is stopped: then the VM uses the same word.  One
 * clause that can't takes all its variables with it, so what is left is looked
 * at again, until nothing changes.  Out of the question are variables
 *  - of ERROR's clauses: they fire when records are read, not when they are made;
 *  - that no clause uses whose probe can be recorded: their programs keep the
 *    limits of dynvarsize.
 */
#include "tier_self.h"

#include <stdlib.h>
#include <string.h>

#include "session.h"

struct item {
	const struct dl_clause *clause;
	bool is_stopped; /* it fires only in stopped threads */
	bool has_plan;
	struct dl_near_plan plan;
};

struct tier_self {
	struct dl_near_vars vars; /* words: owned */
	VEC(struct item *) items; /* clauses that use variables which may be near; owned */
	VEC(uint32_t) offsets; /* of words */
};

static bool list_clauses(struct session *s, struct tier_self *t, tier_judge_fn *judge)
{
	for (size_t i = 0; i < s->programs.n; i++) {
		const struct dl_program *p = s->programs.items[i].program;

		for (uint32_t j = 0; p && j < p->n_clauses; j++) {
			struct item *item;

			if (!dl_near_uses_words(&p->clauses[j], &t->vars))
				continue;
			item = calloc(1, sizeof(*item));
			if (!item || !vec_push(&t->items, item)) {
				free(item);
				return false;
			}
			item->clause = &p->clauses[j];
			item->is_stopped = judge(s, item->clause) != NULL;
		}
	}
	return true;
}

static void drop_plans(struct tier_self *t)
{
	for (size_t i = 0; i < t->items.n; i++) {
		if (t->items.items[i]->has_plan)
			dl_near_plan_deinit(&t->items.items[i]->plan);
		t->items.items[i]->has_plan = false;
	}
}

/* The variable that the instruction uses, if it may be near; -1. */
static int32_t var_of(const struct tier_self *t, const struct dl_insn *i)
{
	if (i->op != DL_OP_LDV && i->op != DL_OP_STV && i->op != DL_OP_VADDR)
		return -1;
	return (uint32_t)i->imm < t->vars.n && t->vars.words[i->imm] >= 0 ? i->imm : -1;
}

/* None of the clause's variables is near. */
static void exclude(struct tier_self *t, const struct dl_clause *c)
{
	for (uint32_t pc = 0; pc < c->far.n; pc++) {
		int32_t var = var_of(t, &c->far.insns[pc]);

		if (var >= 0)
			t->vars.words[var] = -1;
	}
}

static bool may_be_error(const struct dl_clause *c)
{
	const struct dl_pdesc *d = &c->desc;

	if (d->id)
		return d->id == 3;
	return dl_glob_match(d->prov, "dtrace") && dl_glob_match(d->name, "ERROR");
}

static bool may_be_recorded(const struct session *s, const struct dl_clause *c)
{
	static const char *const never[] = { "dtrace", "proc", "profile" };

	if (c->probe.prov && !strcmp(c->probe.prov, provider_syscall.name))
		return arch_has_calls && s->first_command;
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		if (c->probe.prov && !strcmp(c->probe.prov, never[i]))
			return false;
	return true;
}

/* Variables of no recorded clause are not worth it. */
static void exclude_useless(const struct session *s, struct tier_self *t)
{
	for (uint32_t v = 0; v < t->vars.n; v++) {
		bool is_used = false;

		for (size_t i = 0; i < t->items.n; i++) {
			const struct item *item = t->items.items[i];
			const struct dl_code *far = &item->clause->far;

			if (item->is_stopped || !may_be_recorded(s, item->clause))
				continue;
			for (uint32_t pc = 0; pc < far->n && !is_used; pc++)
				is_used = var_of(t, &far->insns[pc]) == (int32_t)v;
		}
		if (!is_used)
			t->vars.words[v] = -1;
	}
}

static void plan_all(struct tier_self *t, dl_near_cell_fn *has_cell, void *arg)
{
	bool is_done = false;

	while (!is_done) {
		is_done = true;
		drop_plans(t);
		for (size_t i = 0; i < t->items.n; i++) {
			struct item *item = t->items.items[i];

			if (item->is_stopped || !dl_near_uses_words(item->clause, &t->vars))
				continue;
			item->has_plan =
				dl_near_plan(item->clause, &t->vars, has_cell, arg, &item->plan);
			if (item->has_plan)
				continue;
			exclude(t, item->clause);
			is_done = false;
		}
	}
}

/* Numbers are small once it is known who has one. */
static bool number_words(struct session *s, struct tier_self *t)
{
	for (uint32_t v = 0; v < t->vars.n; v++) {
		uint32_t off;

		if (t->vars.words[v] < 0)
			continue;
		off = engine_word_add(s->engine);
		if (!off || !vec_push(&t->offsets, off))
			return false;
		t->vars.words[v] = (int32_t)t->offsets.n - 1;
	}
	return true;
}

static bool any_near(const struct tier_self *t)
{
	for (uint32_t v = 0; v < t->vars.n; v++)
		if (t->vars.words[v] >= 0)
			return true;
	return false;
}

static bool start(struct session *s, struct tier_self *t)
{
	t->vars.vars = dl_ctx_vars(s->ctx, &t->vars.n);
	t->vars.aggs = dl_ctx_aggs(s->ctx, &t->vars.n_aggs);
	t->vars.reg_args = arch_reg_args();
	t->vars.words = calloc((size_t)t->vars.n + 1, sizeof(*t->vars.words));
	for (uint32_t v = 0; t->vars.words && v < t->vars.n; v++)
		t->vars.words[v] = dl_near_var_ok(t->vars.vars[v]) ? (int32_t)v : -1;
	return t->vars.words != NULL;
}

struct tier_self *tier_self_create(struct session *s, tier_judge_fn *judge,
				   dl_near_cell_fn *has_cell, void *arg)
{
	struct tier_self *t = calloc(1, sizeof(*t));

	if (!t || !start(s, t) || !list_clauses(s, t, judge)) {
		tier_self_destroy(t);
		return NULL;
	}
	for (size_t i = 0; i < t->items.n; i++)
		if (may_be_error(t->items.items[i]->clause))
			exclude(t, t->items.items[i]->clause);
	exclude_useless(s, t);
	plan_all(t, has_cell, arg);
	/* Some may have lost the clause that made them worth it: they do no harm. */
	if (!any_near(t) || !number_words(s, t)) {
		tier_self_destroy(t);
		return NULL;
	}
	plan_all(t, has_cell, arg); /* with the numbers that are used */
	for (uint32_t v = 0; v < t->vars.n; v++)
		if (t->vars.words[v] >= 0)
			dl_state_share_var(s->state, v, (uint32_t)t->vars.words[v]);
	return t;
}

void tier_self_destroy(struct tier_self *t)
{
	if (!t)
		return;
	drop_plans(t);
	for (size_t i = 0; i < t->items.n; i++)
		free(t->items.items[i]);
	vec_deinit(&t->items);
	vec_deinit(&t->offsets);
	free(t->vars.words);
	free(t);
}

const struct dl_near_plan *tier_self_plan(const struct tier_self *t, const struct dl_clause *c)
{
	for (size_t i = 0; t && i < t->items.n; i++)
		if (t->items.items[i]->clause == c && t->items.items[i]->has_plan)
			return &t->items.items[i]->plan;
	return NULL;
}

const uint32_t *tier_self_words(const struct tier_self *t, uint32_t *n_ret)
{
	*n_ret = (uint32_t)t->offsets.n;
	return t->offsets.items;
}

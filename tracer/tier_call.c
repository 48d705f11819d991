/*
 * System calls of the record tier: what is made often is recorded by a
 * trampoline where all clauses of the call can be.
 *
 * The engine shows a place that has stopped often with the same number.  A place
 * that is patched already gets one more number: the patch is made anew.
 */
#include "tier.h"

#include <stdlib.h>
#include <string.h>

/* The calls of one place, on their way. */
struct call_bundle {
	struct arch_tramp_call calls[ARCH_TRAMP_CALLS];
	uint32_t nrs[ARCH_TRAMP_CALLS], n;
	struct arch_tramp_clause *lists[2 * ARCH_TRAMP_CALLS]; /* owned */
	unsigned n_lists;
};

static void bundle_deinit(struct call_bundle *b)
{
	for (unsigned i = 0; i < b->n_lists; i++)
		free(b->lists[i]);
}

static const struct probe *probe_of(const struct session *s, unsigned nr, bool is_return)
{
	if (nr >= arch_syscall_max() || !s->syscall_probes[nr])
		return NULL;
	return probe_by_id(s->probes, s->syscall_probes[nr] + (is_return ? 1 : 0));
}

/* Does the proc provider watch the call? */
static bool is_of_proc(struct session *s, unsigned nr)
{
	struct syscall_set set = { .entry = { 0 } };
	struct probe *pr;

	for (uint32_t id = s->proc_probes; s->uses_proc && (pr = probe_by_id(s->probes, id));
	     id++) {
		if (pr->provider != &s->providers[PROVIDER_PROC])
			break;
		if (pr->epids.n)
			proc_wanted_syscalls(pr, &set);
	}
	return nr >= ENGINE_SYSCALL_WORDS * 64 ||
	       ((set.entry[nr / 64] | set.exit[nr / 64]) >> (nr % 64) & 1);
}

static const char *judge_probe(struct promotion *p, const struct probe *pr)
{
	for (size_t i = 0; pr && i < pr->epids.n; i++) {
		const struct tier_clause *c = tier_clause_of(p->s, p->tier, pr->epids.items[i]);

		if (!c)
			return "out of memory";
		if (c->why)
			return c->why;
		if (c->cap > p->need)
			p->need = c->cap;
	}
	return NULL;
}

static const char *judge_call(struct promotion *p, unsigned nr)
{
	const struct probe *entry = probe_of(p->s, nr, false), *exit = probe_of(p->s, nr, true);
	const char *why = judge_probe(p, entry);

	if (!why)
		why = judge_probe(p, exit);
	if (!why && is_of_proc(p->s, nr))
		why = "a probe of processes or signals is made of it";
	return why;
}

static const char *add_side(struct promotion *p, struct call_bundle *b, unsigned nr, bool is_return,
			    struct arch_tramp_firing *ret)
{
	const struct probe *pr = probe_of(p->s, nr, is_return);

	*ret = (struct arch_tramp_firing){ .kind = is_return ? ARCH_PROBE_SYSRET :
							       ARCH_PROBE_SYSCALL };
	if (!pr || !pr->epids.n)
		return NULL;
	ret->clauses = b->lists[b->n_lists++] = tier_clauses(p, pr, &ret->n_clauses);
	return ret->clauses ? NULL : "out of memory";
}

static const char *add_calls(struct promotion *p, struct call_bundle *b)
{
	uint64_t slots[ARCH_TRAMP_CALLS];
	const char *why = engine_calls_slots(p->s->engine, p->as, b->n, slots);

	for (uint32_t i = 0; i < b->n && !why; i++) {
		struct arch_tramp_call *c = &b->calls[i];

		c->nr = b->nrs[i];
		c->slot = slots[i];
		why = add_side(p, b, c->nr, false, &c->entry);
		if (!why)
			why = add_side(p, b, c->nr, true, &c->exit);
	}
	return why;
}

/* What is mapped at addr, and the function there. */
static const char *find_function(struct session *s, struct process *proc, uint64_t addr,
				 struct object **object, const struct sym **sym)
{
	struct target *t = target_of(s, proc);
	struct objects *os = t ? target_objects(t) : NULL;

	/* Code may have come and gone unseen. */
	if (os)
		error_destroy(target_refresh(s, t));
	*object = os ? objects_find(os, addr) : NULL;
	*sym = *object && (*object)->image ? object_symbol_at(*object, addr) : NULL;
	if (!*object)
		return "it is made from code of no file";
	return NULL;
}

/* Where the patch takes more than the instruction. */
static const char *plan_in_function(struct promotion *p, uint64_t addr, struct object *object,
				    const struct sym *sym, struct arch_patch_plan *plan)
{
	const char *why = sym && sym->size ? NULL : "it is made in no function";

	if (!why)
		why = tier_function(p, object, sym, addr);
	if (!why)
		why = arch_patch_plan(&p->func, addr - p->func.addr, plan);
	if (!why && plan->addr != addr)
		why = "the bytes behind the system call are too few";
	return why;
}

/* With the address space stopped. */
static const char *patch(struct promotion *p, uint64_t addr, unsigned nr, struct object *object,
			 const struct sym *sym)
{
	_cleanup_(bundle_deinit) struct call_bundle b = { .n = 0 };
	struct arch_patch_plan plan;
	struct arch_tramp_job job = { .plan = &plan, .calls = b.calls };
	const char *why;

	b.n = engine_calls_take(p->s->engine, p->as, addr, b.nrs);
	if (b.n == ARCH_TRAMP_CALLS)
		b.n--; /* one that it had goes back to stops, and may come again */
	b.nrs[b.n++] = nr;
	if (engine_calls_armed(p->as))
		why = engine_call_plan(p->s->engine, p->as, addr, &plan, &job.plain_slot);
	else
		why = plan_in_function(p, addr, object, sym, &plan);
	if (!why)
		why = add_calls(p, &b);
	job.n_calls = b.n;
	return why ? why : engine_record_patch(p->s->engine, p->as, &job, NULL, 0);
}

static const char *promote(struct promotion *p, struct process *proc, uint64_t addr, unsigned nr)
{
	struct session *s = p->s;
	const struct sym *sym = NULL;
	struct object *object;
	const char *why = judge_call(p, nr);
	struct error *err;

	if (!why)
		why = find_function(s, proc, addr, &object, &sym);
	if (why)
		return why;
	err = engine_record_begin(s->engine, p->as, addr, p->need);
	if (err) {
		error_destroy(err);
		return "there is no record tier in its process";
	}
	why = patch(p, addr, nr, object, sym);
	engine_record_end(s->engine, p->as);
	return why;
}

bool tier_hot_call(struct session *s, struct task *t, uint64_t addr, unsigned nr)
{
	_cleanup_(tier_promotion_deinit) struct promotion p = { .s = s, .as = t->proc->as };
	const char *why;

	if (!tier_is_wanted(s) || !s->is_started)
		return false;
	p.tier = tier_of(s);
	if (!p.tier)
		return false;
	why = promote(&p, t->proc, addr, nr);
	if (why)
		tier_count(&p.tier->calls, why, 1);
	else
		p.tier->calls.n_record++;
	return !why;
}

void tier_calls_refused(struct session *s, const char *why)
{
	struct tier *t = tier_of(s);

	if (t)
		tier_count(&t->calls, why, 1);
}

/*
 * What the files of the record tier's session side share: tier.c (sites),
 * tier_call.c (system calls).
 */
#ifndef TIER_H
#define TIER_H

#include "../dlang/near_agg.h"
#include "image.h"
#include "session.h"
#include "tier_self.h"

/* An enabling as the record tier sees it. */
struct tier_clause {
	const char *why; /* it can't; NULL */
	uint32_t cap;
	struct dl_near_aggs near_aggs;
	struct arch_agg aggs[NEAR_AGGS_MAX];
	uint32_t n_cells; /* 0: it leaves records */
	const struct dl_near_plan *plan; /* of a clause with near variables; NULL */
	bool was_asked; /* whether it has cells */
};

struct reason {
	char *text; /* owned */
	unsigned n;
};

struct tier_report {
	VEC(struct reason) reasons;
	unsigned n_record, n_stop;
};

struct tier {
	VEC(struct tier_clause *) clauses; /* by enabling; owned */
	VEC(struct arch_agg_range *) ranges; /* owned */
	struct tier_report sites, calls;
	bool resets; /* clear() or trunc() may come */
	bool is_scanned;
	struct tier_self *self; /* near variables; NULL: there are none */
};

/* A planted site on its way. */
struct candidate {
	struct site *site;
	const char *why;
	struct object *object;
	const struct sym *sym;
	bool is_done;
	bool is_own; /* the tracer's, no probe's */
};

struct promotion {
	struct session *s;
	struct tier *tier;
	struct aspace *as;
	VEC(struct candidate) list; /* by address */
	bool is_short; /* of memory */
	uint32_t need;
	/* The function at hand. */
	struct arch_func func;
	const struct sym *sym;
	VEC(uint64_t) targets, live;
	VEC(struct arch_span) keep;
};

bool tier_is_wanted(const struct session *s);
struct tier *tier_of(struct session *s); /* NULL: out of memory */
void tier_count(struct tier_report *r, const char *why, unsigned n);
/* tier_judge.c: why the clause needs the stopped thread, NULL if it does not; how large its
 * record can get. */
const char *tier_judge_clause(struct session *s, const struct dl_clause *c, uint32_t *cap);
/* Of probes of system calls, as far as its representative goes? */
bool tier_is_of_calls(const struct dl_clause *c);
/* What is known of an enabling; NULL: out of memory. */
struct tier_clause *tier_clause_of(struct session *s, struct tier *t, uint32_t epid);
/* What a trampoline does for one probe; NULL: out of memory.  A clause with several
 * cells is several to it. */
struct arch_tramp_clause *tier_clauses(struct promotion *p, const struct probe *pr,
				       uint32_t *n_ret);
/* The function with addr into p->func; NULL, or why not. */
const char *tier_function(struct promotion *p, struct object *object, const struct sym *sym,
			  uint64_t addr);
void tier_promotion_deinit(struct promotion *p);

#endif

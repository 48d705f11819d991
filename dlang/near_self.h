/*
 * Thread-local variables in the thread's own memory.
 *
 * A clause that uses self-> variables normally leaves a record, and far does the
 * rest.  Where such a variable is *near*, a word of memory that the thread and
 * the tracer share is the variable, and what record-tier clauses do with it is
 * done in the thread: either nothing is left for far (cells), or the record has
 * what far needs of it.
 *
 * The rule: near is a scalar integer variable all of whose uses, in all clauses
 * of the session, are near's, or happen while the thread is stopped.
 */
#ifndef DL_NEAR_SELF_H
#define DL_NEAR_SELF_H

#include <stdbool.h>
#include <stdint.h>

#include "near_agg.h"
#include "program.h"

/* How a clause that uses near variables is done in the record tier. */
struct dl_near_plan {
	bool has_record; /* else all is in cells and words */
	/*
	 * The clause as the tracer sees it then: clause.near (not for the interpreter
	 * of the stop tier), clause.far without the near variables.  The rest is the
	 * clause's.
	 */
	struct dl_clause clause;
	struct dl_insn *near_insns, *far_insns; /* owned, as are */
	uint64_t *consts;
	/* Not has_record: what NAGG numbers mean; in the order of far's AGGs. */
	struct {
		const struct dl_aggdesc *desc;
		int64_t increment;
	} aggs[NEAR_AGGS_MAX];
	uint32_t n_aggs;
};

/* words: by variable, the number of its word, or -1 where it is not near. */
struct dl_near_vars {
	const struct dl_var *const *vars;
	uint32_t n;
	const struct dl_aggdesc *const *aggs;
	uint32_t n_aggs;
	int32_t *words;
	unsigned reg_args; /* arguments that the processor has in registers: others may fault */
};

/* Has it a cell? */
typedef bool dl_near_cell_fn(void *arg, enum dl_aggfunc func);

/* Can variable v be near at all? */
bool dl_near_var_ok(const struct dl_var *v);
/* Does the clause use any variable that has a word? */
bool dl_near_uses_words(const struct dl_clause *c, const struct dl_near_vars *v);
/* false: the clause can't be done so (or memory is short). */
bool dl_near_plan(const struct dl_clause *c, const struct dl_near_vars *v,
		  dl_near_cell_fn *has_cell, void *arg, struct dl_near_plan *ret);
void dl_near_plan_deinit(struct dl_near_plan *p);

#endif

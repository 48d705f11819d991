/*
 * Thread-local variables that are words of the threads' rings
 * (dlang/near_self.h): which they are, how clauses that use them are done.
 */
#ifndef TIER_SELF_H
#define TIER_SELF_H

#include "../dlang/near_self.h"

struct session;
struct tier_self;

/* Why the record tier can't have the clause; NULL if it can. */
typedef const char *tier_judge_fn(struct session *s, const struct dl_clause *c);

/* Looks at all clauses, before any has fired.  NULL: no variable is near. */
struct tier_self *tier_self_create(struct session *s, tier_judge_fn *judge,
				   dl_near_cell_fn *has_cell, void *arg);
void tier_self_destroy(struct tier_self *t);
/* NULL: the clause uses none of them. */
const struct dl_near_plan *tier_self_plan(const struct tier_self *t, const struct dl_clause *c);
/* The words' offsets in rings' heads, by number. */
const uint32_t *tier_self_words(const struct tier_self *t, uint32_t *n_ret);

#endif

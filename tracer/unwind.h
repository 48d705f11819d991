/*
 * User stacks of a stopped thread: unwind tables (CFI) evaluated over cached
 * stack memory, else frame pointers (frame.h).  Names are symbolize's business.
 */
#ifndef UNWIND_H
#define UNWIND_H

#include <stdint.h>

#include "../arch/record.h"
#include "object.h"
#include "task.h"

struct unwinder; /* per process: caches tables */

struct unwinder *unwinder_create(struct process *p, struct objects *os);
void unwinder_destroy(struct unwinder *u);
/* The object table changed: drop caches. */
void unwinder_invalidate(struct unwinder *u);
/*
 * pcs[0] is the thread's pc (translated out of annex slots), then return
 * addresses, at most max.  at_entry: the pc is a function's first instruction,
 * so the caller is where arch_return_address() says.  Returns how many, at
 * least 1, or -1 if the registers can't be read.
 */
int unwind(struct unwinder *u, struct task *t, bool at_entry, uint64_t *pcs, int max);
/*
 * The same of registers and a piece of stack that were copied: *is_whole_ret: nothing
 * was missing.
 */
int unwind_copy(struct unwinder *u, const struct arch_stack *s, uint64_t *pcs, int max,
		bool *is_whole_ret);

#endif

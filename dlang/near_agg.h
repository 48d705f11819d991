/*
 * Clauses that do nothing but aggregate under keys that do not depend on what
 * near sees, but for one integer: the record tier keeps cells of counters for them in the target
 * instead of sending records.
 */
#ifndef DL_NEAR_AGG_H
#define DL_NEAR_AGG_H

#include <stdbool.h>
#include <stdint.h>

#include "program.h"

#define NEAR_AGGS_MAX 8u

struct dl_near_agg {
	const struct dl_aggdesc *desc;
	int64_t increment; /* of the quantize family */
	/*
	 * What decides and computes the value: a near program without slots that
	 * leaves it in register value_reg.  code.n is 0: nothing to decide or compute.
	 */
	struct dl_code code;
	struct dl_insn *insns; /* owned; what code points to */
	uint8_t value_reg;
	/* One component of the key is what code leaves in key_reg: far takes it as this slot. */
	bool has_key;
	uint8_t key_reg;
	int32_t key_slot;
};

struct dl_near_aggs {
	struct dl_near_agg list[NEAR_AGGS_MAX]; /* in the order of far's AGGs */
	uint32_t n;
};

/* false: the clause is not of that kind (or memory is short). */
bool dl_near_aggs_find(const struct dl_clause *c, const struct dl_aggdesc *const *aggs,
		       uint32_t n_aggs, struct dl_near_aggs *ret);
/* Is the built-in variable the same for all firings of one enabling in one thread, and
 * known later too? */
bool dl_near_is_steady(int32_t bvar);
void dl_near_aggs_deinit(struct dl_near_aggs *a);

#endif

/*
 * Pieces of values in registers, as all calling conventions have them.  Private to arch/.
 */
#ifndef ARCH_PLACE_PAIR_H
#define ARCH_PLACE_PAIR_H

#include "arch.h"

/* Bytes [at, at + size) are in general or vector register n, too. */
void place_piece(struct arch_where *w, bool is_vector, unsigned n, uint64_t at, uint64_t size);

/* Where a value goes after those before it, which state counts. */
typedef void place_fn(void *state, const struct arch_param *p, struct arch_where *ret);
/* Each of the two scalars by itself. */
void place_pair(place_fn *place, void *state, const struct arch_param *p, struct arch_where *ret);

#endif

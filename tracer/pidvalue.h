/*
 * Values of args[] in pid probes that no argument register holds as they are:
 * floating-point numbers, structs by value, and everything in the middle of
 * code.
 */
#ifndef PIDVALUE_H
#define PIDVALUE_H

#include "../arch/arch.h"
#include "dwarf_place.h"
#include "session.h"

/* Words by DWARF as f's arguments; those without a value here fault when they are used. */
void pid_value_words(struct firing *f, const struct dwarf_places *ps);
/*
 * The address of object number i: where it is, or where f shows what was put
 * together.  false: it has no value, or *fault (if not 0) can't be read.
 */
bool pid_value_called(struct firing *f, unsigned i, const struct arch_where *w, bool is_return,
		      uint64_t *ret, uint64_t *fault);
bool pid_value_placed(struct firing *f, unsigned i, const struct dwarf_places *ps, uint64_t *ret);

#endif

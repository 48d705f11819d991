/*
 * Which registers the parts of a value are in, by location expressions.
 */
#ifndef DWARF_PART_H
#define DWARF_PART_H

#include <elfutils/libdw.h>

#include "../arch/arch.h"
#include "../dlang/type.h"

/* The operation says "in this register"; -1. */
int dwarf_part_register(const Dwarf_Op *op);
/* The register whose lowest bytes the operations are; -1: something else. */
int dwarf_part_low(const Dwarf_Op *ops, size_t n);

struct dwarf_location {
	const Dwarf_Op *ops;
	size_t n;
};

/* What holds at the entry, or else what holds first; no operations: DWARF tells of nothing. */
struct dwarf_location dwarf_part_first(Dwarf_Die *die, uint64_t entry);
/*
 * What DWARF says first of a parameter of size bytes confirms where the convention has it: an
 * argument register that any part of the parameter is taken from was passed as a whole.  Joins the
 * registers so confirmed with the pieces *w has already; false: none is.
 */
bool dwarf_part_confirm(Dwarf_Die *die, uint64_t entry, uint64_t size,
			const struct arch_where *convention, struct arch_where *w);

#endif

/*
 * Shared by dwarf_*.c: DIEs as types.
 */
#ifndef DWARF_TYPE_INT_H
#define DWARF_TYPE_INT_H

#include "debuginfo.h"
#include "dwarf_type.h"

/* The type that die's DW_AT_type means; void if it has none. */
struct dl_type *dwarf_type_of(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *die);
/* What a function DIE is as a type: result and parameters. */
struct dl_type *dwarf_func_type(struct debuginfo *di, struct dl_types *ts, Dwarf_Die *die);

#endif

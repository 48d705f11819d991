/*
 * Types of the target, from DWARF to struct dl_type, as far as asked for.
 */
#ifndef DWARF_TYPE_H
#define DWARF_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "../dlang/type.h"

struct image;

/* "struct conn", "conn_t", "enum color", "unsigned long *"; NULL: not in this image. */
struct dl_type *dwarf_type_named(struct image *img, struct dl_types *ts, const char *name);
/* Reads the members of a type that came from here; false if it can't be done. */
bool dwarf_type_complete(struct dl_types *ts, struct dl_type *t);
/* A tag without definition gets the one that img has for its name. */
bool dwarf_type_adopt(struct image *img, struct dl_types *ts, struct dl_type *t);
/* Type of the variable with that name (at a link-time address, if not 0); NULL unknown. */
struct dl_type *dwarf_variable_type(struct image *img, struct dl_types *ts, const char *name,
				    uint64_t addr);
/* The same of a thread-local one, by where it is in its object's block. */
struct dl_type *dwarf_thread_variable_type(struct image *img, struct dl_types *ts, const char *name,
					   uint64_t offset, uint64_t size);

#endif

/*
 * The DWARF of an image: its units, what is where, and an index by name.
 *
 * For dwarf_*.c only: nobody else sees libdw's types.  All of it is read on
 * first use, and as little as answers the question: units by address from
 * their range lists, names by walking the top level of one unit after the
 * other until the name turns up.
 */
#ifndef DEBUGINFO_H
#define DEBUGINFO_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "../dlang/vec.h"

struct image;
struct debugfile;
struct dl_type;
struct dl_types;

/* A function with code. */
struct debug_func {
	uint64_t entry; /* link-time */
	Dwarf_Die die;
};

struct debug_unit {
	Dwarf_Die skeleton; /* of the file itself: ranges, line table */
	Dwarf_Die die; /* the whole unit: in a .dwo file if it is split */
	bool is_open; /* die is set */
	bool is_scanned; /* its names are in the index */
	bool has_funcs;
	VEC(struct debug_func) funcs; /* by entry */
};

enum debug_kind {
	DEBUG_TYPE, /* struct, union, enum, typedef, base type: complete ones */
	DEBUG_VARIABLE,
	DEBUG_INLINE, /* a function that was inlined (its abstract instance) */
};

struct debug_range {
	uint64_t lo, hi;
	uint32_t unit;
};

struct debug_name;
struct debug_type_slot;

struct debuginfo {
	struct image *image; /* borrowed: it owns this */
	struct debugfile *file, *alt; /* owned; NULL: the image's own, none */
	char *tried; /* owned: where it was looked for in vain; NULL */
	Dwarf *dwarf, *alt_dwarf;
	Elf *unpacked; /* owned: the file with what zstd had compressed, NULL: as it is */
	uint8_t *unpacked_bytes;
	VEC(struct debug_unit) units;
	VEC(struct debug_range) ranges; /* by lo */
	size_t n_scanned; /* units [0, n) are in the index */
	VEC(struct debug_name) names;
	uint32_t *heads; /* hash of names: index + 1 */
	uint32_t mask;
	/* dwarf_type.c: what DIEs were converted to, for one struct dl_types. */
	struct dl_types *types;
	struct debug_type_slot *slots;
	size_t n_slots, n_slots_used;
};

/* NULL: there is none. */
struct debuginfo *image_debuginfo(struct image *img);
/* The .dwo file with what DWARF says of the code at addr that is not there; NULL. */
const char *debuginfo_missing_dwo(struct image *img, uint64_t addr);
void debuginfo_destroy(struct debuginfo *di);
/* The unit's DIEs; NULL: unreadable (a .dwo that is missing). */
Dwarf_Die *debuginfo_unit_die(struct debug_unit *u);
/* The unit with code at a link-time address; NULL. */
struct debug_unit *debuginfo_unit_at(struct debuginfo *di, uint64_t addr);
/* The function that begins at, or (is_inside) has code at addr; NULL. */
const struct debug_func *debuginfo_func_at(struct debuginfo *di, uint64_t addr, bool is_inside);
/* Has u's functions listed. */
void debuginfo_unit_funcs(struct debug_unit *u);
/*
 * Calls fn for each thing of the kind and name, until it returns false.
 * Units that were not looked at yet are, one by one.
 */
void debuginfo_each(struct debuginfo *di, enum debug_kind kind, const char *name,
		    bool (*fn)(void *arg, Dwarf_Die *die), void *arg);
/* The same for variables inside of functions, which are in no index: all are looked at. */
void debuginfo_each_local(struct debuginfo *di, const char *name,
			  bool (*fn)(void *arg, Dwarf_Die *die), void *arg);
/* First child and next sibling for walks that must end: false at the end or if damaged. */
bool debuginfo_child(Dwarf_Die *parent, Dwarf_Die *ret);
bool debuginfo_next(Dwarf_Die *die);
/* An unsigned constant attribute, looked for in the abstract instance too. */
bool debuginfo_number(Dwarf_Die *die, unsigned attr, uint64_t *ret);
/* The DIE an attribute refers to. */
bool debuginfo_ref(Dwarf_Die *die, unsigned attr, Dwarf_Die *ret);
const char *debuginfo_string(Dwarf_Die *die, unsigned attr); /* NULL none */
/* A function's name in symbol tables; its plain name if it has no other; NULL. */
const char *debuginfo_linkage_name(Dwarf_Die *die);
/* Where a function or inlined instance begins: as said, else its lowest address. */
bool debuginfo_entry(Dwarf_Die *die, uint64_t *ret);
/* The inlined instance right below scope (a function or another one) at addr. */
bool debuginfo_inlined_at(Dwarf_Die *scope, uint64_t addr, Dwarf_Die *ret);
bool debuginfo_flag(Dwarf_Die *die, unsigned attr);

#endif
